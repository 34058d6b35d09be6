"""What the supervisor asks of the database and writes to it. Every function runs at the desk, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from config.common.clock import utc_now
from heartbeats.execution import rundir
from heartbeats.execution.giving_back import give_back_stopped, give_back_unstarted
from heartbeats.execution.identity import find_by_marker
from heartbeats.execution.orders import attempt_name, since_boot
from heartbeats.execution.rundir import ProcessRecord
from heartbeats.execution.start_lock import seize
from heartbeats.execution.supervisor.attempt import Attempt
from heartbeats.execution.supervisor.host import ThisHost
from heartbeats.execution.supervisor.results import execution_result
from heartbeats.execution.supervisor.secrecy import without_secrets
from heartbeats.execution.terminate import terminate_marked
from heartbeats.execution.workspace_records import keep_place
from heartbeats.models import HeartbeatRun
from heartbeats.runs.cancelling import process_stopped
from heartbeats.runs.finalising import Finalised, finalise_run
from heartbeats.runs.leases import HeldRun, Renewal, clear_detached, record_output, record_process, renew_leases
from heartbeats.runs.losing import Loss, Lost, lose_run
from heartbeats.runs.scheduling import ring

_ROWS = """
select id, epoch, status, process_stopping, process_pid, error_code, executor_boot_id,
       claimed_at < clock_timestamp() - make_interval(secs => %(patience)s)
from heartbeats_heartbeatrun
where executor_host = %(host)s and (status = 'running' or process_stopping)
"""

_TOUCH = """
insert into heartbeats_host (name, boot_id, labels, capacity, supervisor_pid, started_at, last_seen_at)
values (%(name)s, %(boot)s, %(labels)s::jsonb, %(capacity)s, %(pid)s, clock_timestamp(), clock_timestamp())
on conflict (name) do update set boot_id = excluded.boot_id, labels = excluded.labels, capacity = excluded.capacity,
    supervisor_pid = excluded.supervisor_pid, last_seen_at = excluded.last_seen_at,
    started_at = case when heartbeats_host.supervisor_pid = excluded.supervisor_pid
                      then heartbeats_host.started_at else excluded.started_at end
"""

_UNHEARD = """
select distinct a.id, a.host_label
from heartbeats_heartbeatrun r join agents_agent a on a.id = r.agent_id
where r.status = 'queued' and r.created_at < clock_timestamp() - make_interval(secs => %(age)s)
  and r.updated_at < clock_timestamp() - make_interval(secs => %(age)s)
  and a.adapter_type <> 'remote' and a.status not in ('paused', 'pending_approval', 'terminated')
  and (a.host_label = '' or a.host_label = any(%(labels)s))
  and (select count(*) from heartbeats_heartbeatrun o
       where o.agent_id = a.id and (o.status = 'running' or o.process_stopping)) < a.max_concurrent_runs
limit 50
"""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run that the database believes to be on this host. `settled`: claimed long enough ago to have a directory."""

    run_id: UUID
    epoch: int
    status: str
    stopping: bool
    process_pid: int | None
    error_code: str | None
    boot_id: str | None
    settled: bool

    @property
    def name(self) -> str:
        """The name of its attempt."""
        return attempt_name(self.run_id, self.epoch)


@dataclass(frozen=True, slots=True)
class Round:
    """One renewal: when it was asked for (seconds since boot), what is ours, and what the database has for us."""

    asked_at: float
    renewal: Renewal
    rows: tuple[RunRow, ...]


def renew(host: ThisHost, held: Sequence[HeldRun], lease_seconds: float, touch: dict[str, Any]) -> Round:
    """Renew every lease in one statement, note that this host lives, and read what it should be doing."""
    asked_at = since_boot()
    renewal = renew_leases(host.name, host.boot_id, held, lease_seconds)
    with connection.cursor() as cursor:
        cursor.execute(_TOUCH, touch)
    return Round(asked_at, renewal, read_rows(host))


def read_rows(host: ThisHost, patience: float = 5.0) -> tuple[RunRow, ...]:
    """The runs of this host that are running or being stopped."""
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, {"host": host.name, "patience": patience})
        return tuple(RunRow(*row) for row in cursor.fetchall())


def write_process(process: ProcessRecord, run_id: UUID, epoch: int) -> bool:
    """Note the process of an attempt whose starter did not come to it."""
    return record_process(
        run_id,
        epoch=epoch,
        pid=process.child.pid,
        group_id=process.pgid,
        start_ticks=process.child.start_ticks,
        started_at=datetime.fromtimestamp(process.started_at, UTC),
    )


def write_output(run_id: UUID, epoch: int, at: float, stream: str, total_bytes: int) -> bool:
    """Note the latest output. The sequence is the byte position, so that it never goes back, whoever counts."""
    return record_output(
        run_id,
        epoch=epoch,
        at=datetime.fromtimestamp(at, UTC),
        seq=min(total_bytes, 2**31 - 1),
        stream=stream,
        total_bytes=total_bytes,
        log_ref=attempt_name(run_id, epoch),
    )


def reattach(run_id: UUID, epoch: int) -> bool:
    """A run that was marked as detached is watched again."""
    return clear_detached(run_id, epoch=epoch)


def end(attempt: Attempt) -> Finalised | None:
    """Finalise an attempt that left an exit record; None when its run no longer exists."""
    assert attempt.exit is not None
    result = without_secrets(execution_result(attempt, attempt.exit), attempt.orders)
    _last_output(attempt)
    if attempt.orders is not None:
        keep_place(attempt.directory, company_id=attempt.orders.company_id, run_id=attempt.run_id)
    try:
        return finalise_run(attempt.run_id, epoch=attempt.epoch, result=result, now=utc_now())
    except HeartbeatRun.DoesNotExist:
        return None


def lose(attempt: Attempt, message: str, evidence: dict[str, Any]) -> Lost | None:
    """End an attempt that left no exit record; None when its run no longer exists. A stale epoch changes nothing."""
    now = utc_now()
    try:
        loss = Loss(
            run_id=attempt.run_id,
            epoch=attempt.epoch,
            message=message,
            evidence=evidence,
            may_retry=True,
            supervisor_lost=attempt.died_unwatched,
        )
        lost = lose_run(loss, now=now)
    except HeartbeatRun.DoesNotExist:
        return None
    if not lost.won:
        process_stopped(attempt.run_id, epoch=attempt.epoch, now=now)
    return lost


def give_back(attempt: Attempt) -> bool:
    """An attempt that we stopped for want of a lease: back to the queue, if it is still ours."""
    return give_back_stopped(attempt.run_id, epoch=attempt.epoch, now=utc_now())


def take_back(runs_dir: Path, run_id: UUID, epoch: int, *, hopeless: bool = False) -> bool:
    """A claim that nobody starts any more: prevent a late launch, stop strays by their marker, queue the run again.

    A second time the run is lost instead. False: a shim was faster, look at its directory again; `hopeless` says that
    its time to start is over too.
    """
    directory = rundir.create(runs_dir, attempt_name(run_id, epoch))
    if not seize(directory) and (directory.process() is not None or not hopeless):
        return False
    if find_by_marker(directory.name):
        terminate_marked(directory.name, grace=1.0)
    now = utc_now()
    if not give_back_unstarted(run_id, epoch=epoch, now=now):
        _lose_unstarted(run_id, epoch, now)
    directory.remove()
    return True


def _lose_unstarted(run_id: UUID, epoch: int, now: datetime) -> None:
    """Never started twice: the run is lost, so that it does not go round for ever. Or it was cancelled meanwhile."""
    loss = Loss(
        run_id=run_id,
        epoch=epoch,
        message="Process lost: no process was started in two claims",
        evidence={"evidence": "never_started", "epoch": epoch},
        may_retry=False,
    )
    try:
        lost = lose_run(loss, now=now)
    except HeartbeatRun.DoesNotExist:
        return
    if not lost.won:
        process_stopped(run_id, epoch=epoch, now=now)


def ring_again(host: ThisHost, age: float) -> int:
    """Ring for agents with free slots whose queued runs nobody came for; how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_UNHEARD, {"age": age, "labels": list(host.labels)})
        unheard = cursor.fetchall()
        for agent_id, label in unheard:
            ring(agent_id, label)
    return len(unheard)


def _last_output(attempt: Attempt) -> None:
    record = attempt.exit
    times = [(record.last_stdout_at, "stdout"), (record.last_stderr_at, "stderr")] if record else []
    heard = [(at, stream) for at, stream in times if at is not None]
    if record and heard:
        at, stream = max(heard)
        write_output(attempt.run_id, attempt.epoch, at, stream, record.log_bytes)
