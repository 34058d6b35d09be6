"""Looking at the processes and run directories of this host, and at no other's (spec/3 K.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from django.conf import settings

from heartbeats.execution import identity, procfs, rundir
from heartbeats.execution.identity import ProcessIdentity, Verdict
from heartbeats.execution.orders import attempt_name
from heartbeats.execution.supervisor.attempt import Attempt, Stage, attempt_of
from heartbeats.vocabulary import ErrorCode
from recovery.orphans.candidates import OrphanCandidate
from recovery.orphans.facts import ProcessVerdict, RunFacts

_OF_STAGE = {
    Stage.STARTING: ProcessVerdict.UNOBSERVED,
    Stage.ABANDONED: ProcessVerdict.UNOBSERVED,
    Stage.RUNNING: ProcessVerdict.ALIVE,
    Stage.ENDED: ProcessVerdict.GONE,
    Stage.VANISHED: ProcessVerdict.GONE,
    Stage.OTHER_BOOT: ProcessVerdict.OTHER_BOOT,
}
_OF_IDENTITY = {
    Verdict.ALIVE: ProcessVerdict.ALIVE,
    Verdict.GONE: ProcessVerdict.GONE,
    Verdict.RECYCLED: ProcessVerdict.RECYCLED,
    Verdict.OTHER_BOOT: ProcessVerdict.OTHER_BOOT,
}


@dataclass(frozen=True)
class Looker:
    """The eyes of one pass on one host. `groups` is read once: a pass sees one moment."""

    host: str
    boot_id: str
    runs_dir: Path

    @cached_property
    def groups(self) -> dict[int, list[int]]:
        """The living pids of every process group."""
        found: dict[int, list[int]] = {}
        for stat in procfs.list_stats():
            found.setdefault(stat.pgid, []).append(stat.pid)
        return found


def looker_here() -> Looker:
    """As the settings and the kernel say."""
    return Looker(settings.HOST_ID, identity.current_boot_id(), settings.RUNS_DIR)


@dataclass(frozen=True)
class Seen:
    """What the look at one candidate showed, and the attempt on disk, if there is one."""

    candidate: OrphanCandidate
    facts: RunFacts
    attempt: Attempt | None = field(default=None, compare=False)


def look_at(candidates: Sequence[OrphanCandidate], looker: Looker) -> list[Seen]:
    """The facts about each candidate. Processes of other hosts are not looked at: their numbers mean nothing here."""
    return [_look(candidate, looker) for candidate in candidates]


def _look(run: OrphanCandidate, looker: Looker) -> Seen:
    if run.executor_host != looker.host:
        return Seen(run, _facts(run, ProcessVerdict.UNOBSERVED))
    attempt = _attempt(run, looker)
    verdict = _of_row(run, looker)
    if attempt is not None and attempt.look(looker.boot_id) is not Stage.STARTING:
        verdict = _OF_STAGE[attempt.stage] if attempt.process is not None else verdict
    ended = attempt is not None and attempt.exit is not None
    given_up = attempt is not None and attempt.given_up
    return Seen(
        run, _facts(run, verdict, group_alive=_group_alive(run, looker), ended=ended, given_up=given_up), attempt
    )


def _attempt(run: OrphanCandidate, looker: Looker) -> Attempt | None:
    directory = rundir.locate(looker.runs_dir, attempt_name(run.run_id, run.epoch))
    return attempt_of(directory) if directory is not None else None


def _of_row(run: OrphanCandidate, looker: Looker) -> ProcessVerdict:
    """By what the row says, where no directory speaks. A pid without start time proves a death, never a life."""
    if run.process_pid is None or run.executor_boot_id is None:
        return ProcessVerdict.UNOBSERVED
    if run.process_start_ticks is None:
        gone = identity.identify(run.process_pid) is None and run.executor_boot_id == looker.boot_id
        return ProcessVerdict.GONE if gone else ProcessVerdict.UNOBSERVED
    recorded = ProcessIdentity(run.executor_boot_id, run.process_pid, run.process_start_ticks)
    return _OF_IDENTITY[identity.judge(recorded, boot_id=looker.boot_id)]


def _group_alive(run: OrphanCandidate, looker: Looker) -> bool:
    """Whether a member of the recorded group carries this attempt's marker: the number alone may be a stranger's."""
    marker = attempt_name(run.run_id, run.epoch)
    members = looker.groups.get(run.process_group_id or 0, [])
    return any(identity.carries_marker(pid, marker) for pid in members)


def _facts(
    run: OrphanCandidate,
    verdict: ProcessVerdict,
    *,
    group_alive: bool = False,
    ended: bool = False,
    given_up: bool = False,
) -> RunFacts:
    alive = verdict is ProcessVerdict.ALIVE
    return RunFacts(
        run_id=run.run_id,
        adapter_type=run.adapter_type,
        executor_host=run.executor_host,
        executor_boot_id=run.executor_boot_id,
        # That it is a candidate shows that nobody renews: a living process is adopted now, not when others may judge.
        lease_expires_at=None if alive else run.lease_expires_at,
        process_pid=run.process_pid,
        process_group_id=run.process_group_id,
        process=verdict,
        group_alive=group_alive,
        exit_record=ended,
        given_up=given_up,
        marked_detached=run.error_code == ErrorCode.PROCESS_DETACHED,
        process_loss_retries=run.process_loss_retries,
        unspawned_requeues=run.supervisor_losses,
        executor_kills=run.supervisor_losses,
    )
