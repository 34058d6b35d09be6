"""`POST errors`: an error that is only recorded (spec/1 F)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents.errors import RecordedError, ReportedError, record_error
from agents.models import Agent
from config.common.wire.errors import Unauthorized
from heartbeats.intake.current_task import NO_TASK, OwnedTask, owned_run

SOURCE = "report"


@dataclass(frozen=True, slots=True)
class Caller:
    """The agent that calls, as authentication found it."""

    agent_id: UUID
    company_id: UUID


def take_error(caller: Caller, error: ReportedError, *, task_id: str | None, now: datetime) -> RecordedError:
    """Record one error. Changes no presence and fails no run, not even when fatal. A foreign task id is dropped.

    Locks the agent, and the run if it is its own. Raises Unauthorized when the agent vanished meanwhile.
    """
    with transaction.atomic():
        lock_caller(caller)
        task = _task(caller, task_id)
        return record_error(
            error,
            company_id=caller.company_id,
            agent_id=caller.agent_id,
            source=SOURCE,
            run_id=task.run_id,
            issue_id=task.issue_id,
            now=now,
        )


def lock_caller(caller: Caller) -> Agent:
    """The agent's row, locked until the end of the transaction. Raises Unauthorized when it is gone."""
    rows = Agent.objects.select_for_update(no_key=True).filter(id=caller.agent_id, company_id=caller.company_id)
    agent = rows.first()
    if agent is None:
        raise Unauthorized
    return agent


def _task(caller: Caller, task_id: str | None) -> OwnedTask:
    if task_id is None:
        return NO_TASK
    return owned_run(task_id, agent_id=caller.agent_id, company_id=caller.company_id)
