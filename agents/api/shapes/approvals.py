"""Approvals on the wire (spec/4 7)."""

from __future__ import annotations

from rest_framework import serializers

from agents.vocabulary import ApprovalType
from config.common.wire.fields import IssueTextField, MomentField, TextField, UserJSONField
from config.common.wire.serializers import WireSerializer


class ApprovalShape(WireSerializer):
    """An approval as it is answered."""

    id = serializers.UUIDField()
    company_id = serializers.UUIDField()
    type = TextField()
    status = TextField()
    payload = UserJSONField()
    requested_by_agent_id = serializers.UUIDField(allow_null=True)
    requested_by_user_id = serializers.UUIDField(allow_null=True)
    decided_by_user_id = serializers.UUIDField(allow_null=True)
    decision_note = TextField(allow_null=True)
    decided_at = MomentField(allow_null=True)
    created_at = MomentField()
    updated_at = MomentField()


class ApprovalCommentShape(WireSerializer):
    """A comment on an approval."""

    id = serializers.UUIDField()
    company_id = serializers.UUIDField()
    approval_id = serializers.UUIDField()
    author_agent_id = serializers.UUIDField(allow_null=True)
    author_user_id = serializers.UUIDField(allow_null=True)
    body = TextField()
    created_at = MomentField()
    updated_at = MomentField()


class NewApprovalBody(WireSerializer):
    """What asking the board takes."""

    type = serializers.ChoiceField(choices=[kind.value for kind in ApprovalType])
    payload = UserJSONField()
    requested_by_agent_id = serializers.UUIDField(required=False, allow_null=True)
    issue_ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=500)


class ApprovalDecisionBody(WireSerializer):
    """A decision's reason. Who decided is who calls, whatever older clients send."""

    decision_note = IssueTextField(required=False, allow_null=True, allow_blank=True, default=None)


class ResubmitBody(WireSerializer):
    """A new payload, if it changed."""

    payload = UserJSONField(required=False, allow_null=True, default=None)


class ApprovalCommentBody(WireSerializer):
    """What somebody says."""

    body = IssueTextField(min_length=1)
