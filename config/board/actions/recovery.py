"""What people decide in recovery's place: a silent run may go on, a mass loss is real."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest

from config.board.actions.answer import deed, require_may_act
from config.board.callers import Caller
from config.board.refusals import NotAllowed, NotThere
from heartbeats.models import HeartbeatRun
from recovery.models import MassLossIncident
from recovery.orphans.confirming import confirm_mass_loss
from recovery.silence.decisions import Verdict, decide_about
from recovery.vocabulary import WatchdogDecisionKind


@deed
def let_run_go_on(_request: HttpRequest, caller: Caller, run_id: UUID) -> str:
    """The silence of a run is fine for the next half hour."""
    run = HeartbeatRun.objects.select_related("agent", "issue").filter(pk=run_id).first()
    if run is None:
        raise NotThere
    there = caller.within(run.company_id)
    require_may_act(there)
    decide_about(there.actor(), run, Verdict(kind=WatchdogDecisionKind.CONTINUE), now=there.now)
    return "The run may be silent for another half hour."


@deed
def confirm_incident(_request: HttpRequest, caller: Caller, incident_id: UUID) -> str:
    """The hosts are really gone. Incidents are of the instance: its admins only."""
    if not caller.user.is_superuser:
        raise NotAllowed
    if not MassLossIncident.objects.filter(pk=incident_id).exists():
        raise NotThere
    won = confirm_mass_loss(incident_id, user_id=caller.user.pk, now=caller.now)
    return "Confirmed: the lost runs are recovered a few at a time." if won else "Somebody confirmed it before you."
