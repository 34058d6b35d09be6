"""One heartbeat: one locked transaction, one decision, and afterwards what a fatal error fails (spec/1 C)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from agents.errors import ReportedError, record_error
from agents.heartbeat_decision import Changed, Gone, Unchanged, decide_heartbeat
from agents.lifecycle import change_presence
from agents.models import Agent
from agents.scrubbing import scrub_object
from agents.vocabulary import Presence
from config.common.wire.camel import to_json
from config.common.wire.errors import Unauthorized
from heartbeats.intake.authentication import (
    SEEN_EVERY,
    AdmittedAgent,
    admit_for_heartbeat_recovery,
    is_stale,
    key_is_stale,
)
from heartbeats.intake.current_task import NO_TASK, CurrentTask, OwnedTask, book_current_task
from heartbeats.intake.fatal import FailedRuns, fail_runs_in_hand
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus

TAKES_WORK = frozenset({Presence.ONLINE, Presence.BENCHMARKED})
SOURCE = "heartbeat"

_TOUCH_KEY = "with key_used as (update agents_agentkey set last_used_at = %(now)s where id = %(key)s)\n"


@dataclass(frozen=True, slots=True)
class HeartbeatReport:
    """What an agent says of itself. Capabilities and hardware are None when it did not say."""

    presence: Presence
    capabilities: dict[str, Any] | None = None
    hardware: dict[str, Any] | None = None
    current_task: CurrentTask | None = None
    error: ReportedError | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a heartbeat. `failed` is None unless it carried a fatal error."""

    agent_id: UUID
    presence: Presence
    critical_waits: bool
    stop_task_ids: tuple[str, ...]
    failed: FailedRuns | None = None


def hear(token: str | None, report: HeartbeatReport, *, now: datetime) -> Heard:
    """Take one heartbeat in. Raises Unauthorized for an unknown key or an agent that vanished; sends nothing.

    Locks the agent, then the run in hand. Three or four statements, begin and commit included, when nothing changed.
    Runs that a fatal error fails are failed after the commit, each in a transaction of its own.
    """
    with transaction.atomic(durable=True):
        caller = admit_for_heartbeat_recovery(token, now=now)
        decision = _decide(caller, report)
        task = _book_task(caller, report, now)
        if report.error is not None:
            record_error(
                report.error,
                company_id=caller.company_id,
                agent_id=caller.agent_id,
                source=SOURCE,
                run_id=task.run_id,
                issue_id=task.issue_id,
                now=now,
            )
        _note(caller, report, now)
        if isinstance(decision, Changed):
            _change(caller, decision, now)
    failed = None
    if decision.fails_runs and report.error is not None:
        failed = fail_runs_in_hand(caller.agent_id, company_id=caller.company_id, message=report.error.message, now=now)
    return Heard(
        agent_id=caller.agent_id,
        presence=decision.presence,
        critical_waits=caller.critical_waits and decision.presence in TAKES_WORK,
        stop_task_ids=_stops(caller, report, task, failed),
        failed=failed,
    )


def _decide(caller: AdmittedAgent, report: HeartbeatReport) -> Unchanged | Changed:
    severity = report.error.severity if report.error else None
    decision = decide_heartbeat(payload=report.presence, severity=severity, stored=caller.presence)
    if isinstance(decision, Gone):
        raise Unauthorized
    return decision


def _book_task(caller: AdmittedAgent, report: HeartbeatReport, now: datetime) -> OwnedTask:
    if report.current_task is None:
        return NO_TASK
    return book_current_task(report.current_task, agent_id=caller.agent_id, company_id=caller.company_id, now=now)


def _note(caller: AdmittedAgent, report: HeartbeatReport, now: datetime) -> None:
    """Write when the agent was seen and what it said of itself; with it, once a minute, that its key was used."""
    said = {"reported_capabilities": report.capabilities, "hardware": report.hardware}
    columns = {name: to_json(scrub_object(value)).decode() for name, value in said.items() if value is not None}
    if not columns and not is_stale(caller.last_seen_at, SEEN_EVERY, now=now):
        return
    assignments = ", ".join(["last_seen_at = %(now)s", *(f"{name} = %({name})s::jsonb" for name in columns)])
    touch = _TOUCH_KEY if key_is_stale(caller, now=now) else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"{touch}update agents_agent set {assignments} where id = %(agent)s",  # noqa: S608 - names are ours
            {"now": now, "agent": caller.agent_id, "key": caller.key_id, **columns},
        )


def _change(caller: AdmittedAgent, decision: Changed, now: datetime) -> None:
    agent = Agent.objects.select_for_update(no_key=True).get(id=caller.agent_id)
    change_presence(
        agent,
        decision.after,
        reason=decision.reason,
        still_running=decision.is_recovery and _still_running(caller.agent_id),
        actor=caller.actor,
        now=now,
    )


def _still_running(agent_id: UUID) -> bool:
    return HeartbeatRun.objects.filter(agent_id=agent_id, status=RunStatus.RUNNING).exists()


def _stops(
    caller: AdmittedAgent, report: HeartbeatReport, task: OwnedTask, failed: FailedRuns | None
) -> tuple[str, ...]:
    """Runs that the agent names or holds in our books and that are not its to run any more, each once."""
    named = [report.current_task.task_id] if report.current_task is not None and not task.runs else []
    ended = [str(run_id) for run_id in (*caller.lost_run_ids, *(failed.run_ids if failed else ()))]
    return tuple(dict.fromkeys([*named, *ended]))
