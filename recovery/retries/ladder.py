"""The bounded retry: how long to wait, and when to stop (spec/3 B).

Attempts 1 to 4 wait 2 min, 10 min, 30 min, 2 h, each varied by up to 25 %. There is no fifth.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from agents.vocabulary import AdapterType

RETRY_DELAYS = (timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=2))
MAX_ATTEMPTS = len(RETRY_DELAYS)
JITTER_RATIO = 0.25
SHORTEST_DELAY = timedelta(seconds=1)


class CodexFallback(StrEnum):
    """How `codex_local` invokes its tool on a retry, one step more careful each time."""

    SAME_SESSION = "same_session"
    SAFER_INVOCATION = "safer_invocation"
    FRESH_SESSION = "fresh_session"
    FRESH_SESSION_SAFER_INVOCATION = "fresh_session_safer_invocation"


@dataclass(frozen=True)
class RetryScheduled:
    """One retry, due at `due_at`. `delay` is the wait from now, `base_delay` the ladder's step before jitter."""

    attempt: int
    base_delay: timedelta
    delay: timedelta
    due_at: datetime
    max_attempts: int = MAX_ATTEMPTS

    @property
    def message(self) -> str:
        """The warning event on the failed run."""
        return f"Scheduled bounded retry {self.attempt}/{self.max_attempts} for {self.due_at.isoformat()}"


@dataclass(frozen=True)
class RetryExhausted:
    """No further retry. `attempt` is the one that was not granted."""

    attempt: int
    max_attempts: int = MAX_ATTEMPTS

    @property
    def message(self) -> str:
        """The warning event on the failed run."""
        made = self.attempt - 1
        return f"Bounded retry exhausted after {made} scheduled attempts; no further automatic retry will be queued"


def plan_retry(
    previous_attempt: int, *, now: datetime, sample: float, not_before: datetime | None = None
) -> RetryScheduled | RetryExhausted:
    """Plan the attempt after `previous_attempt` (0 for a run that is no retry).

    `sample` is one draw from 0..1, clamped; 0.5 gives the base delay exactly. A `not_before` later than the computed
    due time replaces it; an earlier one changes nothing. Raises ValueError for a negative attempt or a sample of NaN.
    """
    if previous_attempt < 0:
        raise ValueError("previous_attempt cannot be negative")
    attempt = previous_attempt + 1
    if attempt > MAX_ATTEMPTS:
        return RetryExhausted(attempt)
    base = RETRY_DELAYS[attempt - 1]
    due_at = now + _jittered(base, sample)
    if not_before is not None and not_before > due_at:
        due_at = not_before
    return RetryScheduled(attempt, base, due_at - now, due_at)


def codex_fallback(adapter_type: str, attempt: int) -> CodexFallback | None:
    """The fallback mode of a transient retry; None for every adapter but `codex_local`. Attempts start at 1."""
    if adapter_type != AdapterType.CODEX_LOCAL:
        return None
    steps = list(CodexFallback)
    return steps[min(max(attempt, 1), len(steps)) - 1]


def _jittered(base: timedelta, sample: float) -> timedelta:
    if sample != sample:
        raise ValueError("sample is not a number")
    spread = (min(1.0, max(0.0, sample)) * 2 - 1) * JITTER_RATIO
    milliseconds = round(base / timedelta(milliseconds=1) * (1 + spread))
    return max(SHORTEST_DELAY, timedelta(milliseconds=milliseconds))
