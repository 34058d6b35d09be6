"""`/instance/settings/experimental` and the graph-liveness preview and run (spec/4 section 15)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from agents.actors import Actor
from agents.api.base import ActorView
from agents.api.describing import answers
from agents.journal import activity, log_activity
from agents.models import Company
from recovery.api.described import EXPERIMENTAL, FINDINGS, RECONCILED
from recovery.api.shapes import ExperimentalBody, LookbackBody
from recovery.graph.loading import waiting_companies
from recovery.graph.reconciling import Reconciled, finding_shape, plan_for, reconcile_company, recovery_settings
from recovery.models import RecoverySettings

UPDATED = "instance.settings.experimental_updated"
RUN = "instance.settings.issue_graph_liveness_auto_recovery_run"


class ExperimentalSettings(ActorView):
    """The switches of recovery."""

    @answers(EXPERIMENTAL)
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """As they are."""
        self.board_only()
        return Response(_shape(recovery_settings()))

    @answers(EXPERIMENTAL, body=ExperimentalBody)
    def patch(self, request: Request) -> Response:  # noqa: ARG002
        """Change some."""
        actor = self.admin_only()
        body = self.body(ExperimentalBody)
        columns = {
            "graph_liveness_auto_recovery": body.get("enable_issue_graph_liveness_auto_recovery"),
            "graph_liveness_lookback_hours": body.get("issue_graph_liveness_auto_recovery_lookback_hours"),
        }
        changed = {name: value for name, value in columns.items() if value is not None}
        with transaction.atomic():
            row, _ = RecoverySettings.objects.update_or_create(id=1, defaults=changed)
            _log(actor, UPDATED, {"changedKeys": sorted(body)})
        return Response(_shape(row))


class GraphPreview(ActorView):
    """What a run would find and open."""

    @answers(FINDINGS, body=LookbackBody)
    def post(self, request: Request) -> Response:  # noqa: ARG002
        """Decide and report; nothing is written."""
        self.admin_only()
        hours = _hours(self.body(LookbackBody))
        plans = [plan_for(one, now=self.now, lookback=timedelta(hours=hours)) for one in waiting_companies()]
        findings = [finding for plan in plans for finding in plan.open]
        return Response(
            {
                "lookback_hours": hours,
                "findings": [finding_shape(finding) for finding in findings],
                "recoverable_findings": len(findings),
                "existing_escalations": sum(len(plan.existing) for plan in plans),
                "skipped_outside_lookback": sum(len(plan.outside_lookback) for plan in plans),
            }
        )


class GraphRun(ActorView):
    """A reconciliation now, whatever the switch says."""

    @answers(RECONCILED, body=LookbackBody)
    def post(self, request: Request) -> Response:  # noqa: ARG002
        """Run and report."""
        actor = self.admin_only()
        hours = _hours(self.body(LookbackBody))
        totals = Reconciled()
        for company_id in waiting_companies():
            totals.add(*reconcile_company(company_id, now=self.now, lookback=timedelta(hours=hours)))
        report = totals.as_dict(hours)
        _log(actor, RUN, {"lookbackHours": hours, "escalationsCreated": report["escalations_created"]})
        return Response(report)


def _hours(body: dict[str, Any]) -> int:
    hours: int = body.get("lookback_hours") or recovery_settings().graph_liveness_lookback_hours
    return hours


def _shape(row: RecoverySettings) -> dict[str, Any]:
    return {
        "enable_issue_graph_liveness_auto_recovery": row.graph_liveness_auto_recovery,
        "issue_graph_liveness_auto_recovery_lookback_hours": row.graph_liveness_lookback_hours,
    }


def _log(actor: Actor, action: str, details: dict[str, Any]) -> None:
    companies = Company.objects.values_list("id", flat=True)
    log_activity(
        *[
            activity(actor, company_id, action, entity_type="instance_settings", entity_id="default", details=details)
            for company_id in companies
        ]
    )
