"""Cancelling a run, and running its work again."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest

from config.board.actions.answer import deed, require_may_act
from config.board.actions.waking import wake_again
from config.board.callers import Caller
from config.board.refusals import NotThere
from config.board.words.reasons import plain
from heartbeats.models import HeartbeatRun
from heartbeats.runs.operating import cancel_run_for


@deed
def act_on_run(_request: HttpRequest, caller: Caller, run_id: UUID, verb: str) -> str:
    """`cancel` or `again`."""
    run = HeartbeatRun.objects.select_related("agent").filter(pk=run_id).first()
    if run is None or verb not in ("cancel", "again"):
        raise NotThere
    there = caller.within(run.company_id)
    require_may_act(there)
    return _cancel(there, run) if verb == "cancel" else wake_again(there, run)


def _cancel(caller: Caller, run: HeartbeatRun) -> str:
    done = cancel_run_for(caller.actor(), run.pk, company_id=run.company_id, now=caller.now)
    if not done.won:
        return f"The run was over already: it is {plain(done.run.status)}."
    return f"The run of {run.agent.name} is cancelled."
