"""How silent a running run is, and who may say that it is fine (spec/3 I)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from heartbeats.vocabulary import RunStatus
from recovery.organisation import Ref
from recovery.vocabulary import WatchdogDecisionKind

SUSPICIOUS_AFTER = timedelta(hours=1)
CRITICAL_AFTER = timedelta(hours=4)
CONTINUE_QUIET = timedelta(minutes=30)


class SilenceLevel(StrEnum):
    """How loud the silence is. Wire values of `outputSilence.level`."""

    NOT_APPLICABLE = "not_applicable"
    OK = "ok"
    SUSPICIOUS = "suspicious"
    CRITICAL = "critical"
    SNOOZED = "snoozed"


@dataclass(frozen=True)
class Thresholds:
    """When silence is suspicious and when critical. Raises ValueError unless 0 < suspicious < critical."""

    suspicious: timedelta = SUSPICIOUS_AFTER
    critical: timedelta = CRITICAL_AFTER

    def __post_init__(self) -> None:
        if not timedelta(0) < self.suspicious < self.critical:
            raise ValueError("silence thresholds must satisfy 0 < suspicious < critical")


DEFAULT_THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Decided:
    """The latest decision about a run. `until` is the given moment of a snooze, or overrides the default quiet.

    `snooze` is quiet until then, `continue` for half an hour, `dismissed_false_positive` until the run speaks and
    falls silent anew.
    """

    kind: WatchdogDecisionKind
    decided_at: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class SilenceFacts:
    """The times of one run, and the latest decision about it."""

    status: str
    created_at: datetime
    started_at: datetime | None = None
    process_started_at: datetime | None = None
    last_output_at: datetime | None = None
    decision: Decided | None = None

    @property
    def silent_since(self) -> datetime:
        """The last output, else process start, else start, else creation."""
        return self.last_output_at or self.process_started_at or self.started_at or self.created_at


@dataclass(frozen=True)
class Silence:
    """The judgement. `age` is never negative; `quiet_until` is None when not snoozed or when there is no end."""

    level: SilenceLevel
    since: datetime | None = None
    age: timedelta = timedelta(0)
    quiet_until: datetime | None = None

    @property
    def alarming(self) -> bool:
        """Whether somebody should look."""
        return self.level in {SilenceLevel.SUSPICIOUS, SilenceLevel.CRITICAL}


def judge_silence(facts: SilenceFacts, *, now: datetime, thresholds: Thresholds = DEFAULT_THRESHOLDS) -> Silence:
    """How silent the run is at `now`. A threshold is reached when the age equals it. Only `running` applies."""
    if facts.status != RunStatus.RUNNING:
        return Silence(SilenceLevel.NOT_APPLICABLE)
    since = facts.silent_since
    age = max(now - since, timedelta(0))
    if facts.decision is not None and is_quiet(facts.decision, silent_since=since, now=now):
        return Silence(SilenceLevel.SNOOZED, since, age, quiet_until(facts.decision))
    if age >= thresholds.critical:
        return Silence(SilenceLevel.CRITICAL, since, age)
    return Silence(SilenceLevel.SUSPICIOUS if age >= thresholds.suspicious else SilenceLevel.OK, since, age)


def quiet_until(decision: Decided) -> datetime | None:
    """When the quiet of a decision ends; None for a dismissal, which ends with the silence itself."""
    if decision.kind is WatchdogDecisionKind.DISMISSED_FALSE_POSITIVE:
        return None
    if decision.until is not None:
        return decision.until
    return (
        decision.decided_at + CONTINUE_QUIET if decision.kind is WatchdogDecisionKind.CONTINUE else decision.decided_at
    )


def is_quiet(decision: Decided, *, silent_since: datetime, now: datetime) -> bool:
    """Whether the decision still covers this silence at `now`."""
    if decision.kind is WatchdogDecisionKind.DISMISSED_FALSE_POSITIVE:
        return silent_since <= decision.decided_at
    end = quiet_until(decision)
    return end is not None and now < end


def snooze_problem(kind: WatchdogDecisionKind, until: datetime | None, *, now: datetime) -> str | None:
    """What is wrong with the given end of a decision, as one sentence, or None. Only a snooze needs one."""
    if kind is WatchdogDecisionKind.SNOOZE and until is None:
        return "A snooze needs snoozedUntil."
    if kind is WatchdogDecisionKind.SNOOZE and until is not None and until <= now:
        return "snoozedUntil must be in the future."
    return None


@dataclass(frozen=True)
class Decider:
    """Who wants to decide: an operator, or an agent."""

    operator: bool = False
    agent_id: Ref | None = None


def may_decide(decider: Decider, *, open_evaluation_assignee: Ref | None) -> bool:
    """Operators may, and the agent assigned to the run's open evaluation issue; nobody else.

    Pass None for `open_evaluation_assignee` when there is no open evaluation issue or no agent has it.
    """
    if decider.operator:
        return True
    return decider.agent_id is not None and decider.agent_id == open_evaluation_assignee
