"""Companies on the wire (spec/4 1)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from agents.vocabulary import CompanyStatus
from config.common.wire.fields import BIGGEST, FlagField, IssueTextField, MomentField, TextField, WholeField
from config.common.wire.serializers import WireSerializer

MOST_ATTACHMENT_BYTES = 2**30


def cents(**kwargs: Any) -> WholeField:  # noqa: ANN401
    """An amount of money: whole, not negative, as large as the column."""
    return WholeField(min_value=0, max_value=BIGGEST, **kwargs)


class CompanyShape(WireSerializer):
    """A company as it is answered."""

    id = serializers.UUIDField()
    name = TextField()
    description = TextField(allow_null=True)
    status = TextField()
    pause_reason = TextField(allow_null=True)
    paused_at = MomentField(allow_null=True)
    issue_prefix = TextField()
    issue_counter = WholeField()
    budget_monthly_cents = WholeField()
    spent_monthly_cents = WholeField()
    attachment_max_bytes = WholeField()
    require_board_approval_for_new_agents = FlagField()
    feedback_data_sharing_enabled = serializers.ReadOnlyField(default=False)
    brand_color = TextField(allow_null=True)
    logo_asset_id = serializers.ReadOnlyField(default=None)
    logo_url = serializers.ReadOnlyField(default=None)
    created_at = MomentField()
    updated_at = MomentField()


class NewCompanyBody(WireSerializer):
    """What founding a company takes."""

    name = TextField(min_length=1, max_length=200)
    description = IssueTextField(required=False, allow_null=True, allow_blank=True)
    budget_monthly_cents = cents(required=False)
    attachment_max_bytes = WholeField(min_value=1, max_value=MOST_ATTACHMENT_BYTES, required=False)


class BrandingBody(WireSerializer):
    """What a CEO agent may change; anything else is refused."""

    strict = True

    name = TextField(min_length=1, max_length=200, required=False)
    description = IssueTextField(required=False, allow_null=True, allow_blank=True)
    brand_color = serializers.RegexField(r"^#[0-9a-fA-F]{6}\Z", required=False, allow_null=True)


class CompanyChangesBody(NewCompanyBody):
    """What an operator may change."""

    name = TextField(min_length=1, max_length=200, required=False)
    status = serializers.ChoiceField(choices=[status.value for status in CompanyStatus], required=False)
    require_board_approval_for_new_agents = FlagField(required=False)
    spent_monthly_cents = cents(required=False)
    brand_color = serializers.RegexField(r"^#[0-9a-fA-F]{6}\Z", required=False, allow_null=True)
