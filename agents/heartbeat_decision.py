"""What a heartbeat does to an agent's presence, and presence to its status (spec/1 A and C).

The answer is one of three types, so that a contradiction, such as a transition without a reason, cannot be built.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agents.vocabulary import NOT_INVOKABLE, AgentStatus, ErrorSeverity, Presence

REPORTABLE = frozenset(Presence) - {Presence.OFFLINE}


class PresenceReason(StrEnum):
    """Why a presence changed, as the audit row says it."""

    FATAL_ERROR = "fatal_error"
    HEARTBEAT_STATUS = "heartbeat_status"
    SILENT = "silent"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Gone:
    """The agent's row vanished while we processed: the heartbeat is a 401."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The presence stays. A repeated fatal error still fails whatever is active."""

    presence: Presence
    fails_runs: bool = False

    def __post_init__(self) -> None:
        if self.fails_runs and self.presence is not Presence.ERROR:
            raise ValueError("only a fatal error fails runs, and it leaves the presence at error")


@dataclass(frozen=True, slots=True)
class Changed:
    """A transition: written, audited, announced."""

    before: Presence
    after: Presence
    reason: PresenceReason

    def __post_init__(self) -> None:
        if self.before is self.after:
            raise ValueError(f"no transition from {self.before} to itself")
        if self.reason is PresenceReason.FATAL_ERROR and self.after is not Presence.ERROR:
            raise ValueError("a fatal error leads to the presence error")

    @property
    def presence(self) -> Presence:
        """The presence from now on."""
        return self.after

    @property
    def fails_runs(self) -> bool:
        """Whether every live run of the agent is to be failed now."""
        return self.reason is PresenceReason.FATAL_ERROR

    @property
    def is_recovery(self) -> bool:
        """Whether the agent came back from `error`."""
        return self.before is Presence.ERROR


HeartbeatDecision = Gone | Unchanged | Changed


def decide_heartbeat(
    *, payload: Presence, severity: ErrorSeverity | None, stored: Presence | None
) -> HeartbeatDecision:
    """The six rows of spec/1 C. `stored` is None when the row is gone. Raises ValueError for a payload `offline`."""
    if payload not in REPORTABLE:
        raise ValueError(f"an agent cannot report {payload}")
    if stored is None:
        return Gone()
    fatal = severity is ErrorSeverity.FATAL
    effective = Presence.ERROR if fatal else payload
    if effective is stored:
        return Unchanged(effective, fails_runs=fatal)
    return Changed(stored, effective, PresenceReason.FATAL_ERROR if fatal else PresenceReason.HEARTBEAT_STATUS)


def status_after_presence(status: AgentStatus, *, before: Presence, after: Presence, running_runs: int) -> AgentStatus:
    """The agent's status once its presence went from `before` to `after` (spec/1 A).

    `error` makes an active, idle or running agent's status `error`; leaving it makes it `running` or `idle` by its
    running runs. Paused, pending and terminated stay what they are.
    """
    if status in NOT_INVOKABLE:
        return status
    if after is Presence.ERROR:
        return AgentStatus.ERROR
    if before is not Presence.ERROR:
        return status
    return AgentStatus.RUNNING if running_runs > 0 else AgentStatus.IDLE
