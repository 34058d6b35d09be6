"""Judging death: from the facts about one running run to the one thing that happens to it (spec/3 A, DESIGN 5).

Positive evidence from our own host acts at once. Without evidence only an expired lease condemns. Doubt keeps.

    stopped for want of a lease    -> GiveBack, once nothing of it runs
    exit record                    -> FinaliseFromRecord
    process alive, lease held      -> Keep
    process alive, lease gone      -> DetachAndAdopt, then Adopt on every later look
    process gone or recycled       -> LoseAndRetry | Lose | Park
    host booted since              -> the same, and nothing is signalled; never spawned -> RequeueUnspawned once
    never spawned, lease held      -> Keep;  lease gone -> RequeueUnspawned once, then Lose
    another host's, or remote      -> Keep while the lease holds, then LoseAndRetry | Lose | Park

A living process group behind a dead leader wraps the verdict in TerminateGroup.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agents.vocabulary import AdapterType
from heartbeats.runs.poison import MOST_KILLS
from heartbeats.vocabulary import ErrorCode
from recovery.orphans.facts import Observer, ProcessVerdict, RunFacts

PROCESS_LOSS_RETRY_LIMIT = 1
UNSPAWNED_REQUEUE_LIMIT = 1
POISON_KILL_LIMIT = MOST_KILLS


class Evidence(StrEnum):
    """Why a verdict was reached; stored with it (spec/6 G9)."""

    LEASE_HELD = "lease_held"
    PROCESS_ALIVE = "process_alive"
    PROCESS_GONE = "process_gone"
    PID_RECYCLED = "pid_recycled"
    HOST_REBOOTED = "host_rebooted"
    EXIT_RECORD = "exit_record"
    GIVEN_UP = "given_up"
    LEASE_EXPIRED = "lease_expired"
    NO_LEASE = "no_lease"

    @property
    def by_absence(self) -> bool:
        """Whether only silence speaks for death: such verdicts pass the mass-loss breaker first (spec/6 law 4)."""
        return self in {Evidence.LEASE_EXPIRED, Evidence.NO_LEASE}


@dataclass(frozen=True)
class Keep:
    """Somebody executes the run, or its lease still covers it: nothing happens."""

    evidence: Evidence
    text: str


@dataclass(frozen=True)
class DetachAndAdopt:
    """The process lives but nobody watches it: mark the run `process_detached` with `text`, once, and adopt it."""

    pid: int | None
    evidence: Evidence
    text: str


@dataclass(frozen=True)
class Adopt:
    """As DetachAndAdopt, for a run that already carries the mark: adopt without a second event."""

    pid: int | None
    evidence: Evidence
    text: str


@dataclass(frozen=True)
class FinaliseFromRecord:
    """The runner left an exit record: the run ended, it was not lost."""

    evidence: Evidence
    text: str


@dataclass(frozen=True)
class RequeueUnspawned:
    """Claimed but never spawned: back to `queued` without spending a retry."""

    evidence: Evidence
    text: str


@dataclass(frozen=True)
class GiveBack:
    """Its own host stopped it because it could not renew: back to `queued` without spending a retry (DESIGN 5)."""

    evidence: Evidence
    text: str


@dataclass(frozen=True)
class LoseAndRetry:
    """The run fails with `code` and `text`, and exactly one retry run follows."""

    code: ErrorCode
    evidence: Evidence
    text: str


@dataclass(frozen=True)
class Lose:
    """The run fails with `code` and `text`; its issue is released and promoted (spec/2 H), or spec/1 E for remote."""

    code: ErrorCode
    evidence: Evidence
    text: str


@dataclass(frozen=True)
class Park:
    """The run has killed its executor too often (spec/3 K.16): it fails with `code`, and waits for an operator."""

    code: ErrorCode
    kills: int
    evidence: Evidence
    text: str


Ending = FinaliseFromRecord | GiveBack | LoseAndRetry | Lose | Park


@dataclass(frozen=True)
class TerminateGroup:
    """The leader is gone, its group is not: end the group (TERM, then KILL), then carry out `then`."""

    group_id: int
    then: Ending

    @property
    def evidence(self) -> Evidence:
        """The evidence of the verdict that follows."""
        return self.then.evidence

    @property
    def text(self) -> str:
        """The text of the verdict that follows; it names the group."""
        return self.then.text


Verdict = (
    Keep
    | DetachAndAdopt
    | Adopt
    | TerminateGroup
    | FinaliseFromRecord
    | GiveBack
    | LoseAndRetry
    | Lose
    | Park
    | RequeueUnspawned
)


def judge_run(facts: RunFacts, observer: Observer) -> Verdict:
    """Say what happens to one `running` run. Never raises; the caller re-checks under the run's lock and epoch.

    Processes are judged only on the run's own host (or when the claim recorded no host). A verdict whose
    `evidence.by_absence` is true is provisional: `recovery.orphans.mass_loss` may withhold it.
    """
    if facts.adapter_type == AdapterType.REMOTE or facts.executor_host not in (None, observer.host):
        return _judge_by_lease(facts, observer)
    if _booted_since(facts, observer):
        return _judge_after_reboot(facts)
    return _judge_here(facts, observer)


def _booted_since(facts: RunFacts, observer: Observer) -> bool:
    other_boot = facts.executor_boot_id is not None and facts.executor_boot_id != observer.boot_id
    return other_boot or facts.process is ProcessVerdict.OTHER_BOOT


def _judge_after_reboot(facts: RunFacts) -> Verdict:
    if facts.exit_record:
        return FinaliseFromRecord(Evidence.EXIT_RECORD, "The runner left an exit record before its host restarted")
    if not facts.spawned and facts.unspawned_requeues < UNSPAWNED_REQUEUE_LIMIT:
        return RequeueUnspawned(Evidence.HOST_REBOOTED, "Claimed, but its host restarted before a process was recorded")
    return _lose(facts, Evidence.HOST_REBOOTED, "Process lost: its host has restarted since the run began")


def _judge_here(facts: RunFacts, observer: Observer) -> Verdict:
    if facts.given_up and (facts.exit_record or facts.process in {ProcessVerdict.GONE, ProcessVerdict.RECYCLED}):
        return _with_group_ended(facts, GiveBack(Evidence.GIVEN_UP, "Stopped by its own host, which could not renew"))
    if facts.exit_record:
        ended = FinaliseFromRecord(Evidence.EXIT_RECORD, "The runner left an exit record")
        return _with_group_ended(facts, ended)
    if facts.process is ProcessVerdict.ALIVE:
        return _judge_alive(facts, observer)
    if facts.process is ProcessVerdict.RECYCLED:
        text = f"Process lost: pid {facts.process_pid} belongs to another process now"
        return _lose(facts, Evidence.PID_RECYCLED, text)
    if facts.process is ProcessVerdict.GONE and facts.spawned:
        return _judge_gone(facts)
    return _judge_unseen(facts, observer)


def _judge_alive(facts: RunFacts, observer: Observer) -> Verdict:
    if facts.lease_held(observer.now):
        return Keep(Evidence.LEASE_HELD, f"pid {facts.process_pid} is alive and its lease is held")
    text = f"Nobody watches this run any more, but its process (pid {facts.process_pid}) is still alive"
    if facts.marked_detached:
        return Adopt(facts.process_pid, Evidence.PROCESS_ALIVE, text)
    return DetachAndAdopt(facts.process_pid, Evidence.PROCESS_ALIVE, text)


def _judge_gone(facts: RunFacts) -> Verdict:
    if facts.group_alive and facts.process_group_id is not None:
        text = (
            f"Process lost: pid {facts.process_pid} had exited, and its descendant process group "
            f"{facts.process_group_id} was still alive and was terminated"
        )
        return _with_group_ended(facts, _lose(facts, Evidence.PROCESS_GONE, text))
    subject = f"pid {facts.process_pid}" if facts.process_pid is not None else f"process group {facts.process_group_id}"
    return _lose(facts, Evidence.PROCESS_GONE, f"Process lost: {subject} is no longer running")


def _with_group_ended(facts: RunFacts, then: Ending) -> Verdict:
    ours = facts.process not in {ProcessVerdict.RECYCLED, ProcessVerdict.ALIVE}
    if ours and facts.group_alive and facts.process_group_id is not None:
        return TerminateGroup(facts.process_group_id, then)
    return then


def _judge_unseen(facts: RunFacts, observer: Observer) -> Verdict:
    if facts.spawned or facts.lease_expires_at is None or facts.lease_held(observer.now):
        return _judge_by_lease(facts, observer)
    if facts.unspawned_requeues < UNSPAWNED_REQUEUE_LIMIT:
        return RequeueUnspawned(Evidence.LEASE_EXPIRED, "Claimed, but no process was started before the lease ran out")
    return _lose(facts, Evidence.LEASE_EXPIRED, "Process lost: no process was started in two claims")


def _judge_by_lease(facts: RunFacts, observer: Observer) -> Verdict:
    if facts.lease_expires_at is None:
        return _lose(facts, Evidence.NO_LEASE, "Process lost: nobody holds this run and no process is known")
    if facts.lease_held(observer.now):
        return Keep(Evidence.LEASE_HELD, f"The lease holds until {facts.lease_expires_at.isoformat()}")
    who = "the agent" if facts.adapter_type == AdapterType.REMOTE else f"host {facts.executor_host or 'unknown'}"
    text = f"Process lost: {who} has not renewed the lease, which ran out at {facts.lease_expires_at.isoformat()}"
    return _lose(facts, Evidence.LEASE_EXPIRED, text)


def _lose(facts: RunFacts, evidence: Evidence, text: str) -> LoseAndRetry | Lose | Park:
    if facts.adapter_type == AdapterType.REMOTE:
        return Lose(ErrorCode.AGENT_LOST, evidence, text.replace("Process lost", "Agent lost", 1))
    if facts.executor_kills >= POISON_KILL_LIMIT:
        parked = f"{text}; parked after its execution ended its supervisor {facts.executor_kills} times"
        return Park(ErrorCode.POISON, facts.executor_kills, evidence, parked)
    if facts.tracked and facts.spawned and facts.process_loss_retries < PROCESS_LOSS_RETRY_LIMIT:
        return LoseAndRetry(ErrorCode.PROCESS_LOST, evidence, f"{text}; retrying once")
    return Lose(ErrorCode.PROCESS_LOST, evidence, text)
