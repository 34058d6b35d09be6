"""The run that an agent says it is working on (spec/1 C)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection

from config.common.clock import wire_time
from config.common.wire.views import UUID_FORM
from heartbeats.intake.pacing import remote_lease_seconds
from heartbeats.models import HeartbeatRun

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

# A run that our own host executes is kept alive by that host's supervisor, not by what its agent says.
_BOOK = """
update heartbeats_heartbeatrun set progress = %(progress)s::jsonb,
    lease_expires_at = case when adapter_type = 'remote'
        then greatest(lease_expires_at, clock_timestamp() + make_interval(secs => %(lease)s))
        else lease_expires_at end
where id = %(run)s and agent_id = %(agent)s and company_id = %(company)s and status = 'running'
returning issue_id
"""


@dataclass(frozen=True, slots=True)
class CurrentTask:
    """What a heartbeat says of the run in hand."""

    task_id: str
    progress: float
    speed: float
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class OwnedTask:
    """The named run as far as it is the agent's. Without `run_id` it is not. `runs`: it is still its to run."""

    run_id: UUID | None = None
    issue_id: UUID | None = None
    runs: bool = False


NO_TASK = OwnedTask()


def book_current_task(task: CurrentTask, *, agent_id: UUID, company_id: UUID, now: datetime) -> OwnedTask:
    """Note the progress and renew the lease of the agent's running run; its status stays what it is.

    In the caller's transaction, after the agent's lock; locks the run. A run that is unknown or another agent's is
    logged and is not owned.
    """
    run_id = UUID(task.task_id) if UUID_FORM.fullmatch(task.task_id) else None
    owned = NO_TASK if run_id is None else _book(task, run_id, agent_id, company_id, now)
    if owned.run_id is None:
        log.warning("current_task_not_owned", agent_id=str(agent_id), task_id=task.task_id[:64])
    return owned


def owned_run(run_id: str, *, agent_id: UUID, company_id: UUID) -> OwnedTask:
    """The run of this agent under that id, locked against deletion until the end of the transaction."""
    if not UUID_FORM.fullmatch(run_id):
        return NO_TASK
    rows = HeartbeatRun.objects.filter(id=run_id, agent_id=agent_id, company_id=company_id)
    row = rows.select_for_update(no_key=True).values_list("id", "issue_id", "status").first()
    return OwnedTask(row[0], row[1], row[2] == "running") if row else NO_TASK


def _book(task: CurrentTask, run_id: UUID, agent_id: UUID, company_id: UUID, now: datetime) -> OwnedTask:
    progress = {"progress": task.progress, "speed": task.speed, "at": wire_time(now)}
    if task.temperature is not None:
        progress["temperature"] = task.temperature
    values: dict[str, Any] = {
        "run": run_id,
        "agent": agent_id,
        "company": company_id,
        "progress": json.dumps(progress),
        "lease": remote_lease_seconds(settings.TIMINGS),
    }
    with connection.cursor() as cursor:
        cursor.execute(_BOOK, values)
        row = cursor.fetchone()
    if row is not None:
        return OwnedTask(run_id, row[0], runs=True)
    return owned_run(str(run_id), agent_id=agent_id, company_id=company_id)
