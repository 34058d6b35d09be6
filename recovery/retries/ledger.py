"""One ledger of automatic runs per issue: two mechanisms can never feed each other for ever (spec/3 K.6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from heartbeats.vocabulary import RetryReason

DEFAULT_LEDGER_CAP = 8


@dataclass(frozen=True)
class AutomaticRun:
    """A run that the control plane started by itself, and why."""

    cause: RetryReason
    created_at: datetime


@dataclass(frozen=True)
class Ledger:
    """What has been spent since the last human or assignee action on the issue."""

    spent: int
    cap: int = DEFAULT_LEDGER_CAP
    by_cause: tuple[tuple[RetryReason, int], ...] = ()

    @property
    def exhausted(self) -> bool:
        """Whether one more automatic run is too many: escalate instead."""
        return self.spent >= self.cap

    @property
    def text(self) -> str:
        """The ledger in words, most frequent cause first."""
        causes = ", ".join(f"{count} {cause.value}" for cause, count in self.by_cause)
        return f"{self.spent} of {self.cap} automatic runs spent" + (f" ({causes})" if causes else "")


UNSPENT = Ledger(0)


def read_ledger(
    runs: Iterable[AutomaticRun], *, last_action_at: datetime | None, cap: int = DEFAULT_LEDGER_CAP
) -> Ledger:
    """Add up the automatic runs created after `last_action_at` (all of them when nobody ever acted).

    Raises ValueError for a cap below 1.
    """
    if cap < 1:
        raise ValueError("the cap must be at least 1")
    counts: dict[RetryReason, int] = {}
    for run in runs:
        if last_action_at is None or run.created_at > last_action_at:
            counts[run.cause] = counts.get(run.cause, 0) + 1
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0].value))
    return Ledger(sum(counts.values()), cap, tuple(ranked))
