"""What clients send about issues (spec/4 section 4). Unknown names are ignored unless said otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from config.common.wire.fields import FlagField, IssueTextField, MomentField, TextField, UserJSONField, WholeField
from config.common.wire.serializers import WireSerializer
from issues.speech_rules import Wishes
from issues.vocabulary import IssueStatus, Priority, WorkMode

STATUSES = [status.value for status in IssueStatus]
DEEPEST = 2**31 - 1
COLUMNS = (
    *("title", "description", "status", "priority", "assignee_agent_id", "assignee_user_id", "parent_id"),
    *("project_id", "project_workspace_id", "goal_id", "request_depth", "billing_code", "hidden_at"),
    *("assignee_adapter_overrides", "execution_policy", "execution_workspace_settings", "work_mode"),
)


def optional_id() -> serializers.UUIDField:
    """An id or null."""
    return serializers.UUIDField(required=False, allow_null=True)


class _CommonBody(WireSerializer):
    description = IssueTextField(required=False, allow_null=True, allow_blank=True)
    priority = serializers.ChoiceField(choices=[priority.value for priority in Priority], required=False)
    assignee_user_id = optional_id()
    project_id = optional_id()
    project_workspace_id = optional_id()
    goal_id = optional_id()
    blocked_by_issue_ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=500)
    request_depth = WholeField(min_value=0, max_value=DEEPEST, required=False)
    billing_code = TextField(max_length=200, required=False, allow_null=True, allow_blank=True)
    assignee_adapter_overrides = UserJSONField(required=False, allow_null=True)
    execution_policy = UserJSONField(required=False, allow_null=True)
    execution_workspace_settings = UserJSONField(required=False, allow_null=True)
    label_ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=100)
    # newer clients send modes that this contract does not know: they are no reason to refuse the issue
    work_mode = TextField(required=False, allow_null=True)

    def validate_work_mode(self, value: str | None) -> str:
        """The mode, or the standard one for a word that we do not know."""
        return value if value in list(WorkMode) else WorkMode.STANDARD.value


class NewIssueBody(_CommonBody):
    """POST an issue."""

    title = TextField(min_length=1, max_length=1000)
    status = serializers.ChoiceField(choices=STATUSES, required=False)
    assignee_agent_id = optional_id()
    parent_id = optional_id()


class NewChildBody(_CommonBody):
    """POST a part of an issue."""

    title = TextField(min_length=1, max_length=1000)
    status = serializers.ChoiceField(choices=STATUSES, required=False)
    assignee_agent_id = optional_id()
    acceptance_criteria = serializers.ListField(
        child=IssueTextField(min_length=1, max_length=500), required=False, max_length=20
    )
    block_parent_until_done = FlagField(required=False)


class ReviewRequestBody(WireSerializer):
    """What a reviewer is asked."""

    strict = True

    instructions = IssueTextField(min_length=1, max_length=20_000)


class IssueEditBody(_CommonBody):
    """PATCH an issue. The assignee may be a shortname."""

    title = TextField(min_length=1, max_length=1000, required=False)
    status = serializers.ChoiceField(choices=STATUSES, required=False)
    assignee_agent_id = TextField(required=False, allow_null=True, max_length=200)
    parent_id = optional_id()
    hidden_at = MomentField(required=False, allow_null=True)
    comment = IssueTextField(min_length=1, required=False)
    reopen = FlagField(required=False)
    resume = FlagField(required=False)
    interrupt = FlagField(required=False)
    review_request = ReviewRequestBody(required=False, allow_null=True)


class CommentBody(WireSerializer):
    """POST a comment."""

    body = IssueTextField(min_length=1)
    reopen = FlagField(required=False)
    resume = FlagField(required=False)
    interrupt = FlagField(required=False)


class CheckoutBody(WireSerializer):
    """POST a checkout."""

    agent_id = serializers.UUIDField()
    expected_statuses = serializers.ListField(
        child=serializers.ChoiceField(choices=STATUSES), allow_empty=False, max_length=50
    )


def columns_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a body names."""
    return {name: data[name] for name in COLUMNS if name in data}


def wishes_of(data: Mapping[str, Any]) -> Wishes:
    """What a body asks for along with its comment."""
    return Wishes(
        reopen=data.get("reopen", False), resume=data.get("resume", False), interrupt=data.get("interrupt", False)
    )
