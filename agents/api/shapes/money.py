"""Costs and budgets on the wire (spec/4 9)."""

from __future__ import annotations

from rest_framework import serializers

from agents.api.shapes.companies import cents
from agents.vocabulary import BillingType, BudgetScope, BudgetWindow
from config.common.wire.fields import FlagField, IssueTextField, MomentField, TextField, WholeField
from config.common.wire.serializers import WireSerializer


class NewCostBody(WireSerializer):
    """One piece of usage."""

    wire_names = {"run_id": "heartbeatRunId"}

    agent_id = serializers.UUIDField()
    provider = TextField(min_length=1, max_length=100)
    biller = TextField(min_length=1, max_length=100, required=False, allow_null=True)
    billing_type = serializers.ChoiceField(choices=[kind.value for kind in BillingType], required=False)
    model = TextField(min_length=1, max_length=200)
    input_tokens = cents(required=False)
    cached_input_tokens = cents(required=False)
    output_tokens = cents(required=False)
    cost_cents = cents()
    occurred_at = MomentField()
    issue_id = serializers.UUIDField(required=False, allow_null=True)
    project_id = serializers.UUIDField(required=False, allow_null=True)
    goal_id = serializers.UUIDField(required=False, allow_null=True)
    run_id = serializers.UUIDField(required=False, allow_null=True)
    billing_code = TextField(max_length=200, required=False, allow_null=True, allow_blank=True)


class CostShape(WireSerializer):
    """A cost event as it is answered."""

    wire_names = {"run_id": "heartbeatRunId"}

    id = serializers.UUIDField()
    company_id = serializers.UUIDField()
    agent_id = serializers.UUIDField()
    issue_id = serializers.UUIDField(allow_null=True)
    project_id = serializers.UUIDField(allow_null=True)
    goal_id = serializers.UUIDField(allow_null=True)
    run_id = serializers.UUIDField(allow_null=True)
    billing_code = TextField(allow_null=True)
    provider = TextField()
    biller = TextField()
    billing_type = TextField()
    model = TextField()
    input_tokens = WholeField()
    cached_input_tokens = WholeField()
    output_tokens = WholeField()
    cost_cents = WholeField()
    occurred_at = MomentField()
    created_at = MomentField()


class PeriodQuery(WireSerializer):
    """`?from=&to=`."""

    wire_names = {"since": "from", "until": "to"}

    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)


class PolicyBody(WireSerializer):
    """A limit."""

    scope_type = serializers.ChoiceField(choices=[scope.value for scope in BudgetScope])
    scope_id = serializers.UUIDField()
    metric = serializers.ChoiceField(choices=["billed_cents"], required=False)
    window_kind = serializers.ChoiceField(choices=[window.value for window in BudgetWindow], required=False)
    amount = cents()
    warn_percent = WholeField(min_value=1, max_value=99, required=False)
    hard_stop_enabled = FlagField(required=False)
    notify_enabled = FlagField(required=False)
    is_active = FlagField(required=False)


class MonthlyBudgetBody(WireSerializer):
    """The limit of a calendar month."""

    budget_monthly_cents = cents()


class IncidentBody(WireSerializer):
    """What to do about a budget that was reached."""

    action = serializers.ChoiceField(choices=["keep_paused", "raise_budget_and_resume"])
    amount = cents(required=False, allow_null=True)
    decision_note = IssueTextField(required=False, allow_null=True, allow_blank=True, default=None)

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        """Raising needs an amount."""
        if attrs["action"] == "raise_budget_and_resume" and attrs.get("amount") is None:
            raise serializers.ValidationError({"amount": "An amount is required to raise the budget"})
        return attrs
