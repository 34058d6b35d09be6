"""A fatal error fails what the agent has in hand, run by run (spec/1 C, E)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from agents.scrubbing import scrub_text
from heartbeats.models import HeartbeatRun
from heartbeats.runs.losing import fail_agent_run
from heartbeats.vocabulary import ErrorCode, RunStatus

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FailedRuns:
    """Which runs were to fail, and how many did by this call: the rest ended meanwhile, or raised and were logged."""

    run_ids: tuple[UUID, ...] = ()
    failed: int = 0


def fail_runs_in_hand(agent_id: UUID, *, company_id: UUID, message: str, now: datetime) -> FailedRuns:
    """Fail every running run of the agent by the failure policy, each in its own transaction and under its own guard.

    Queued runs stay: nobody works on them, and to fail them would spend their retries on a fault they had no part in.
    Outside of any transaction, after the one that made the agent's presence `error`: no claim can follow that.
    """
    rows = HeartbeatRun.objects.filter(agent_id=agent_id, company_id=company_id, status=RunStatus.RUNNING)
    run_ids = tuple(rows.order_by("started_at", "id").values_list("id", flat=True))
    reason = scrub_text(message)
    return FailedRuns(run_ids, sum(_fail(run_id, agent_id, reason, now) for run_id in run_ids))


def _fail(run_id: UUID, agent_id: UUID, reason: str, now: datetime) -> bool:
    try:
        return fail_agent_run(run_id, agent_id=agent_id, code=ErrorCode.AGENT_FATAL_ERROR, reason=reason, now=now).won
    except Exception:
        # Its siblings must not wait for the sweep because this one could not be failed; the sweep tries it again.
        log.exception("run_not_failed", run_id=str(run_id), agent_id=str(agent_id))
        return False
