"""Starting an agent's queued runs on this host: claim, prepare, check once more, launch, record (DESIGN 5, spec/2 D).

Every step may be the last one of this process. Before the launch a failure ends the run with a code; after it nothing
here matters any more: the run directory tells the supervisor everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from agents.vocabulary import AdapterType
from heartbeats.execution import rundir
from heartbeats.execution.adapters.base import SETUP_ERROR, SetupError
from heartbeats.execution.announcing import announce_start
from heartbeats.execution.auto_checkout import check_out
from heartbeats.execution.bell_socket import ring_doorbell
from heartbeats.execution.giving_back import give_back_unserved
from heartbeats.execution.identity import current_boot_id
from heartbeats.execution.launch import Launched, LaunchFailed, launch
from heartbeats.execution.orders import attempt_name, since_boot, write_orders
from heartbeats.execution.preparation import prepare, setup_family
from heartbeats.execution.rundir import RunDir
from heartbeats.execution.start_facts import load_facts, load_run
from heartbeats.execution.start_lock import seize, starting
from heartbeats.models import HeartbeatRun
from heartbeats.runs.cancelling import AGENT_PAUSED, cancel_run, process_stopped
from heartbeats.runs.claiming import ClaimedRun, claim_runs
from heartbeats.runs.finalising import ExecutionResult, finalise_run
from heartbeats.runs.leases import record_process
from heartbeats.vocabulary import ErrorCode

ALREADY_STARTED = "already_started"
# The database is tried about every five seconds: so long an outage may last for a run that was claimed in it.
MOST_CLAIMS = 100

_ROOM = """
select a.adapter_type, a.host_label, (
    select count(*) from heartbeats_heartbeatrun r
    where r.executor_host = %s and (r.status = 'running' or r.process_stopping))
from agents_agent a where a.id = %s
"""

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Started:
    """What one call did: runs whose process runs now, and runs that ended before theirs could start."""

    started: tuple[UUID, ...] = ()
    ended: tuple[UUID, ...] = ()


@cache
def boot_id() -> str:
    """The boot id of this host; it cannot change under a living process."""
    return current_boot_id()


def start_runs(agent_id: UUID, *, now: datetime) -> Started:
    """Claim for this host what the agent's slots and the host's capacity allow, and start each.

    Safe to repeat and to run at once with others. Nothing happens for remote agents, which claim for themselves, and
    for agents of a label that this host does not have.
    """
    room = _room(agent_id)
    if room <= 0:
        return Started()
    asked_at = since_boot()
    claimed = claim_runs(
        agent_id,
        host=settings.HOST_ID,
        boot_id=boot_id(),
        capacity=room,
        lease_seconds=settings.TIMINGS.lease,
        now=now,
    )
    lease_until = asked_at + settings.TIMINGS.lease
    outcome = {claim.run_id: start_claimed(claim, lease_until=lease_until, now=now) for claim in claimed.runs}
    return Started(
        tuple(run_id for run_id, runs in outcome.items() if runs),
        tuple(run_id for run_id, runs in outcome.items() if not runs),
    )


def start_claimed(claim: ClaimedRun, *, lease_until: float, now: datetime) -> bool:
    """Start one claimed run; True when its process runs. Whatever goes wrong before the launch ends the run.

    Except when it is the database that fails: then the run goes back to the queue (spec/6 G6).
    """
    directory = RunDir(settings.RUNS_DIR / rundir.LIVE / attempt_name(claim.run_id, claim.epoch))
    try:
        rundir.create(settings.RUNS_DIR, directory.name)
        with starting(directory):
            answer = _prepare_and_launch(claim, directory, lease_until, now)
    except SetupError as error:
        refusal = error
    except BlockingIOError:
        return False  # another delivery of the same message is at it
    except OSError as error:
        refusal = SetupError("run_dir_unwritable", f"The run directory cannot be written: {error.strerror}.", None)
    except (OperationalError, InterfaceError) as error:
        log.warning("database_failed_a_start", run_id=str(claim.run_id), error=str(error))
        if _give_back(claim, directory, now):
            return False
        refusal = SetupError("start_failed", f"The start failed: {type(error).__name__}: {error}", None)
    except Exception as error:
        log.exception("run_not_started", run_id=str(claim.run_id))
        refusal = SetupError("start_failed", f"The start failed: {type(error).__name__}: {error}", None)
    else:
        return _conclude(claim, directory, answer, now)
    return _fail(claim, directory, refusal, now)


def _give_back(claim: ClaimedRun, directory: RunDir, now: datetime) -> bool:
    """Queue the run again, for the dispatch sweep to ring for; False when its database failed it too often.

    If that fails too, the supervisor finds a claimed run without process.
    """
    if claim.epoch >= MOST_CLAIMS:
        return False
    connection.close_if_unusable_or_obsolete()
    try:
        if seize(directory):
            give_back_unserved(claim.run_id, epoch=claim.epoch, now=now)
            directory.remove()
    except (OSError, DatabaseError) as problem:
        log.warning("run_not_given_back", run_id=str(claim.run_id), error=str(problem))
    return True


def _conclude(claim: ClaimedRun, directory: RunDir, answer: Launched | LaunchFailed | None, now: datetime) -> bool:
    if isinstance(answer, Launched):
        return True
    if answer is None:
        _abandon(claim, directory, now)
    elif answer.code != ALREADY_STARTED:
        _fail(claim, directory, SetupError(answer.code, answer.message, setup_family(answer.code)), now)
    return False


def _room(agent_id: UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_ROOM, [settings.HOST_ID, agent_id])
        row = cursor.fetchone()
    if row is None or row[0] == AdapterType.REMOTE or not _fits(row[1]):
        return 0
    return int(settings.HOST_CAPACITY - row[2])


def _fits(label: str) -> bool:
    """Whether this host may run an agent with this label. A message on the wrong queue waits for the next sweep."""
    return not label or label in settings.HOST_LABELS


def _prepare_and_launch(
    claim: ClaimedRun, directory: RunDir, lease_until: float, now: datetime
) -> Launched | LaunchFailed | None:
    """None: the run may not start any more."""
    run = load_run(claim.run_id, claim.epoch)
    if run is None:
        return None
    facts = load_facts(run, check_out(run, now=now))
    prepared = prepare(facts, directory, lease_until=lease_until, now=now)
    write_orders(directory, prepared.orders)
    taken = announce_start(
        run,
        prepared.invoked,
        handed=prepared.handed,
        workspace_id=prepared.workspace_id,
        log_ref=directory.name,
        now=now,
    )
    if not taken:
        return None
    answer = launch(directory, prepared.spec)
    if isinstance(answer, Launched):
        _record(claim, answer)
    return answer


def _record(claim: ClaimedRun, answer: Launched) -> None:
    """Tell the database which process it is. If the run is over meanwhile, the supervisor stops what was started."""
    child = answer.process.child
    try:
        recorded = record_process(
            claim.run_id,
            epoch=claim.epoch,
            pid=child.pid,
            group_id=answer.process.pgid,
            start_ticks=child.start_ticks,
            started_at=datetime.fromtimestamp(answer.process.started_at, UTC),
        )
    except Exception:
        log.exception("process_not_recorded", run_id=str(claim.run_id))
        recorded = False
    if not recorded:
        ring_doorbell(settings.RUNS_DIR, "check", str(claim.run_id))


def _abandon(claim: ClaimedRun, directory: RunDir, now: datetime) -> None:
    """The run was cancelled, or its agent stopped, between claim and launch (spec/4 16.4)."""
    directory.remove()
    if HeartbeatRun.objects.filter(pk=claim.run_id, epoch=claim.epoch, status="running").exists():
        cancel_run(claim.run_id, reason=AGENT_PAUSED, now=now)
    process_stopped(claim.run_id, epoch=claim.epoch, now=now)


def _fail(claim: ClaimedRun, directory: RunDir, error: SetupError, now: datetime) -> bool:
    """End the run before it began, as `adapter_failed` (spec/2 D); the result says at which step, in one word.

    If that fails too, the supervisor finds a claimed run without process.
    """
    result = ExecutionResult(
        error_code=ErrorCode.ADAPTER_FAILED,
        error_message=error.message,
        error_family=error.family,
        result={SETUP_ERROR: error.code, **({"errorFamily": str(error.family)} if error.family else {})},
    )
    try:
        finalise_run(claim.run_id, epoch=claim.epoch, result=result, now=now)
        if seize(directory):
            directory.remove()
    except OSError as problem:
        log.warning("run_dir_not_removed", name=directory.name, error=str(problem))
    except Exception:
        log.exception("run_not_failed", run_id=str(claim.run_id), code=error.code)
    return False
