"""Cancelling a run, and running its work again."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest

from agents.journal import activity, log_activity
from config.board.actions.answer import deed, require_may_act
from config.board.actions.waking import wake_again
from config.board.callers import Caller
from config.board.refusals import NotThere
from config.board.words.reasons import plain
from heartbeats.models import HeartbeatRun
from heartbeats.runs.cancelling import cancel_run


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
    done = cancel_run(run.pk, now=caller.now, company_id=run.company_id)
    if not done.won:
        return f"The run was over already: it is {plain(done.run.status)}."
    details = {"agentId": str(run.agent_id), "issueId": str(run.issue_id) if run.issue_id else None}
    log_activity(
        activity(
            caller.actor(),
            run.company_id,
            "heartbeat.cancelled",
            entity_type="heartbeat_run",
            entity_id=run.pk,
            details=details,
            issue_id=run.issue_id,
            run_id=run.pk,
        )
    )
    return f"The run of {run.agent.name} is cancelled."
