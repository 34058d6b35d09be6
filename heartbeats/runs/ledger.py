"""One retry ledger per issue: how many runs the control plane may start by itself (spec/3 K.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from heartbeats.vocabulary import RetryReason, WakeReason

DEFAULT_CAP = 8
# Taking the lock of an issue is no action on it: an agent that takes it at every start would renew its own credit.
NO_ACTION = ("issue.checked_out", "issue.checkout_lock_adopted")


@dataclass(frozen=True)
class LedgerRun:
    """A run of the issue, as far as the ledger is concerned."""

    created_at: datetime
    retry_reason: str | None
    wake_reason: str | None = None


@dataclass(frozen=True)
class LedgerAction:
    """Something that somebody did on the issue. ``by_person``: a human; else the agent that did it.

    What the control plane does on an agent's behalf (a posted summary, a recovery comment) is no action.
    """

    at: datetime
    by_person: bool
    agent_id: str | None = None


@dataclass(frozen=True)
class Ledger:
    """The automatic runs since somebody who answers for the issue last acted."""

    by_cause: Mapping[str, int] = field(default_factory=dict)
    cap: int = DEFAULT_CAP

    @property
    def spent(self) -> int:
        """All causes together."""
        return sum(self.by_cause.values())

    @property
    def allows(self) -> bool:
        """True if one more automatic run may start; otherwise escalate."""
        return self.spent < self.cap


def cause_of(run: LedgerRun) -> str | None:
    """Why the control plane started the run, or None for a run that somebody asked for."""
    if run.retry_reason is not None:
        return run.retry_reason
    if run.wake_reason == WakeReason.RUN_LIVENESS_CONTINUATION:
        return RetryReason.RUN_LIVENESS_CONTINUATION
    return None


def read_ledger(
    runs: Iterable[LedgerRun],
    actions: Iterable[LedgerAction],
    *,
    assignee_agent_id: str | None,
    cap: int = DEFAULT_CAP,
) -> Ledger:
    """Count by cause the automatic runs created after the last action of a person or of the assignee."""
    last = max((action.at for action in actions if _answers(action, assignee_agent_id)), default=None)
    causes = (cause_of(run) for run in runs if last is None or run.created_at > last)
    return Ledger(dict(Counter(str(cause) for cause in causes if cause is not None)), cap)


def _answers(action: LedgerAction, assignee_agent_id: str | None) -> bool:
    return action.by_person or (action.agent_id is not None and action.agent_id == assignee_agent_id)
