"""What recovery's routes take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.common.wire.serializers import WireSerializer
from recovery.models import MassLossIncident, SweepRun, SweepState, WatchdogDecision
from recovery.vocabulary import WatchdogDecisionKind


class DecisionBody(WireSerializer):
    """A decision about a silent run."""

    decision = serializers.ChoiceField(choices=[kind.value for kind in WatchdogDecisionKind])
    snoozed_until = serializers.DateTimeField(required=False, allow_null=True)
    evaluation_issue_id = serializers.UUIDField(required=False, allow_null=True)
    reason = serializers.CharField(required=False, allow_null=True, allow_blank=True)


class ExperimentalBody(WireSerializer):
    """The switches of recovery that an instance admin may change."""

    enable_issue_graph_liveness_auto_recovery = serializers.BooleanField(required=False)
    issue_graph_liveness_auto_recovery_lookback_hours = serializers.IntegerField(
        required=False, min_value=1, max_value=720
    )


class LookbackBody(WireSerializer):
    """How far back a preview or a forced run looks."""

    lookback_hours = serializers.IntegerField(required=False, min_value=1, max_value=720)


class SwitchBody(WireSerializer):
    """On or off."""

    enabled = serializers.BooleanField()


def decision_shape(row: WatchdogDecision) -> dict[str, Any]:
    """One decision as clients see it."""
    return {
        "id": row.pk,
        "company_id": row.company_id,
        "run_id": row.run_id,
        "evaluation_issue_id": row.evaluation_issue_id,
        "decision": row.decision,
        "snoozed_until": row.snoozed_until,
        "reason": row.reason,
        "created_by_agent_id": row.created_by_agent_id,
        "created_by_user_id": row.created_by_user_id,
        "created_by_run_id": row.created_by_run_id,
        "created_at": row.created_at,
    }


def sweep_shape(name: str, state: SweepState | None, latest: SweepRun | None, period: float) -> dict[str, Any]:
    """One sweep: its switch, its period in seconds, and its newest recorded pass."""
    return {
        "sweep": name,
        "enabled": state.enabled if state else True,
        "period_seconds": period,
        "last_started_at": state.last_started_at if state else None,
        "last_succeeded_at": state.last_succeeded_at if state else None,
        "last_seconds": state.last_seconds if state else None,
        "last_error": state.last_error if state else None,
        "latest_run": _run_shape(latest) if latest else None,
    }


def _run_shape(run: SweepRun) -> dict[str, Any]:
    return {
        "id": run.pk,
        "outcome": run.outcome,
        "host": run.host,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "looked_at": run.looked_at,
        "acted": run.acted,
        "failed": run.failed,
        "counts": run.counts,
        "error": run.error,
    }


def incident_shape(row: MassLossIncident) -> dict[str, Any]:
    """One mass loss."""
    return {
        "id": row.pk,
        "status": row.status,
        "opened_at": row.opened_at,
        "closed_at": row.closed_at,
        "confirmed_by_user_id": row.confirmed_by_id,
        "live_leases": row.live_leases,
        "due_leases": row.due_leases,
        "released": row.released,
    }
