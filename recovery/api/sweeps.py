"""`/recovery/…`: the sweeps and the mass-loss incident, for operators of the instance."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from agents.access import company_for
from agents.api.base import ActorView
from agents.api.describing import answers
from config.common.wire.camel import opaque
from config.common.wire.errors import Conflict, NotFound
from config.common.wire.views import path_uuid
from recovery.api.attention import attention_shape
from recovery.api.described import ATTENTION, MASS_LOSS, SWEEP, SWEEP_REPORT
from recovery.api.shapes import SwitchBody, incident_shape, sweep_shape
from recovery.attention import waiting_for_people
from recovery.models import MassLossIncident, SweepRun, SweepState
from recovery.orphans.incidents import confirm_incident
from recovery.schedule import periods
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, dry_run, run_sweep_by_hand, switch_sweep
from recovery.vocabulary import SweepName

NOT_OPEN = "This incident is not open any more"


class Sweeps(ActorView):
    """Every sweep with its switch and its last pass."""

    @answers(SWEEP, many=True)
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """All of them, in the order of the list."""
        self.board_only()
        states = {state.sweep: state for state in SweepState.objects.all()}
        newest = {run.sweep: run for run in SweepRun.objects.order_by("sweep", "-started_at").distinct("sweep")}
        every = periods(settings.TIMINGS)
        return Response([sweep_shape(name, states.get(name), newest.get(name), every[name]) for name in SweepName])


class SweepSwitch(ActorView):
    """One sweep on or off."""

    @answers(SWEEP, body=SwitchBody)
    def patch(self, request: Request, name: str) -> Response:  # noqa: ARG002
        """Switch it, for all hosts."""
        self.admin_only()
        sweep = named(name)
        switch_sweep(sweep, enabled=self.body(SwitchBody)["enabled"])
        state = SweepState.objects.get(sweep=sweep)
        return Response(sweep_shape(sweep, state, None, periods(settings.TIMINGS)[sweep]))


class SweepDryRun(ActorView):
    """What one sweep would do now."""

    @answers(SWEEP_REPORT)
    def post(self, request: Request, name: str) -> Response:  # noqa: ARG002
        """Decide and report; nothing is written."""
        self.admin_only()
        return _report(dry_run(sweep_named(named(name))))


class SweepRunNow(ActorView):
    """One pass, now, also of a switched-off sweep."""

    @answers(SWEEP_REPORT)
    def post(self, request: Request, name: str) -> Response:  # noqa: ARG002
        """Run and report."""
        self.admin_only()
        return _report(run_sweep_by_hand(sweep_named(named(name))))


class MassLosses(ActorView):
    """The incidents, newest first."""

    @answers(MASS_LOSS, many=True)
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """The last twenty."""
        self.board_only()
        return Response([incident_shape(row) for row in MassLossIncident.objects.order_by("-opened_at")[:20]])


class ConfirmMassLoss(ActorView):
    """An operator says that the losses are real."""

    @answers(MASS_LOSS)
    def post(self, request: Request, incident_id: str) -> Response:  # noqa: ARG002
        """Confirm; 409 when it is not open."""
        actor = self.admin_only()
        known: UUID = path_uuid(incident_id, "Incident")
        incident = MassLossIncident.objects.filter(pk=known).first()
        if incident is None:
            raise NotFound.of("Incident")
        if not confirm_incident(known, user_id=actor.user_id, now=self.now):
            raise Conflict(NOT_OPEN)
        incident.refresh_from_db()
        return Response(incident_shape(incident))


class CompanyAttention(ActorView):
    """`/companies/:id/attention`: what waits for a person."""

    @answers(ATTENTION, many=True)
    def get(self, request: Request, company_id: str) -> Response:  # noqa: ARG002
        """Most urgent first."""
        company = company_for(self.actor, company_id)
        return Response([attention_shape(one) for one in waiting_for_people(company.pk, now=self.now)])


def named(name: str) -> SweepName:
    """The sweep of that name, or 404."""
    try:
        return SweepName(name)
    except ValueError:
        raise NotFound.of("Sweep") from None


def _report(report: SweepReport) -> Response:
    """Counts and details are keyed by codes, not by wire names."""
    body = report.as_dict()
    return Response({**body, **{key: opaque(body[key]) for key in ("counts", "skipped", "details")}})
