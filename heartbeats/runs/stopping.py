"""Ending a live run from outside: what cancelling and losing have in common."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import connection

from agents.lifecycle import settle_after_run
from agents.vocabulary import AdapterType
from heartbeats.models import HeartbeatRun
from heartbeats.runs.ending import Ending
from heartbeats.runs.lifecycle import Note, close_wakeup, move_run
from heartbeats.runs.liveness import LivenessFacts, classify_liveness
from heartbeats.runs.outcome import wakeup_status_for
from heartbeats.runs.scheduling import ring
from heartbeats.runs.settling import release_environment
from heartbeats.runs.stop import merge_result, stop_metadata
from heartbeats.vocabulary import RunStatus

HOST_CHANNEL = "everbeat_host"


def stop_live_run(
    ending: Ending,
    to: RunStatus,
    *,
    code: str,
    error: str,
    now: datetime,
    notes: Collection[Note] = (),
    process_gone: bool = False,
    environment: bool = True,
    **columns: Any,  # noqa: ANN401 - further columns of the run
) -> bool:
    """End a live run whose rows are locked, with wakeup, stop metadata and environment; True when it was live.

    A local process that may still run keeps its slot (`process_stopping`) and its environment until its host, which is
    notified, has proved it gone. `process_gone` says that this is proved already; `environment` False that it has
    none to give back. Release and agent status are the caller's next steps.
    """
    run = ending.run
    stopping = run.status == RunStatus.RUNNING and _has_local_process(run) and not process_gone
    stop = stop_metadata(
        to,
        adapter_type=ending.agent.adapter_type,
        adapter_config=ending.agent.adapter_config,
        error_code=code,
        error=error,
    )
    won = move_run(
        run,
        to,
        expected=RunStatus.LIVE,
        notes=notes,
        finished_at=now,
        error=error,
        error_code=code,
        result=merge_result(run.result, stop),
        process_stopping=stopping,
        **_liveness(run, to, code),
        **columns,
    )
    if not won:
        return False
    close_wakeup(run, wakeup_status_for(to), now=now, error=error)
    if stopping and run.executor_host:
        notify_host(run.executor_host)
    elif environment:
        release_environment(run, now=now, why=code)
    return True


def settle_agent(ending: Ending, *, was_running: bool, now: datetime, outcome: str | None = None) -> None:
    """The agent's status after a run that was running ended (with `outcome`, else its status); a ring for the next."""
    agent, run = ending.agent, ending.run
    if was_running:
        others = HeartbeatRun.objects.filter(agent_id=agent.pk, status=RunStatus.RUNNING).exists()
        settle_after_run(agent, outcome=outcome or run.status, still_running=others, now=now)
    if HeartbeatRun.objects.filter(agent_id=agent.pk, status=RunStatus.QUEUED).exists():
        ring(agent.pk, agent.host_label)


def notify_host(host: str) -> None:
    """Tell the supervisor of a host, once this transaction commits, to look at its runs; its own sweep backs it."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_notify(%s, %s)", [HOST_CHANNEL, host])


def _has_local_process(run: HeartbeatRun) -> bool:
    return run.executor_host is not None and run.adapter_type != AdapterType.REMOTE


def _liveness(run: HeartbeatRun, to: RunStatus, code: str) -> dict[str, Any]:
    verdict = classify_liveness(
        LivenessFacts(run_status=to, error_code=code, continuation_attempt=run.continuation_attempt)
    )
    return {"liveness_state": verdict.state.value, "liveness_reason": verdict.reason}
