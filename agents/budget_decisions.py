"""Money rules: over which time spending counts, how near the limit it is, and what that blocks (spec/2 K, spec/4 9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from agents.vocabulary import BudgetScope, BudgetThreshold, BudgetWindow, PauseReason
from config.common.clock import require_aware

PERCENT = 100
DECEMBER = 12


class BudgetStatus(StrEnum):
    """How a budget stands."""

    OK = "ok"
    WARNING = "warning"
    HARD_STOP = "hard_stop"


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, `start` included and `end` not; None is without bound."""

    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Limit:
    """What a policy allows, in cents. Amount 0 means no limit."""

    amount: int
    warn_percent: int = 80
    hard_stop_enabled: bool = True


def window_of(kind: BudgetWindow, *, now: datetime) -> Window:
    """The window that holds `now`: its calendar month in UTC, or all time."""
    if kind is BudgetWindow.LIFETIME:
        return Window(None, None)
    today = require_aware(now).astimezone(UTC)
    start = datetime(today.year, today.month, 1, tzinfo=UTC)
    next_month = start.replace(year=start.year + start.month // DECEMBER, month=start.month % DECEMBER + 1)
    return Window(start, next_month)


def budget_status(limit: Limit, observed: int) -> BudgetStatus:
    """`hard_stop` at or over the amount when enabled, else `warning` from the warn percent on, else `ok`."""
    if limit.amount <= 0:
        return BudgetStatus.OK
    if observed >= limit.amount and limit.hard_stop_enabled:
        return BudgetStatus.HARD_STOP
    if observed * PERCENT >= limit.amount * limit.warn_percent:
        return BudgetStatus.WARNING
    return BudgetStatus.OK


def thresholds_crossed(limit: Limit, observed: int) -> frozenset[BudgetThreshold]:
    """Which incidents ought to be open. A hard stop does not imply the soft one: people are told once, the worse."""
    match budget_status(limit, observed):
        case BudgetStatus.HARD_STOP:
            return frozenset({BudgetThreshold.HARD})
        case BudgetStatus.WARNING:
            return frozenset({BudgetThreshold.SOFT})
    return frozenset()


def utilization_percent(amount: int, observed: int) -> float:
    """Spending in percent of the amount, two decimals; 0 without a limit. Over 100 when overspent."""
    return round(observed * PERCENT / amount, 2) if amount > 0 else 0.0


def remaining_amount(amount: int, observed: int) -> int:
    """What may still be spent, never negative; 0 without a limit."""
    return max(0, amount - observed) if amount > 0 else 0


def lifts_pause(reason: PauseReason | None, limit: Limit, observed: int) -> bool:
    """Whether a raised budget resumes its scope: only what `budget` had paused, and only above the spending."""
    return reason is PauseReason.BUDGET and budget_status(limit, observed) is not BudgetStatus.HARD_STOP


@dataclass(frozen=True, slots=True)
class ScopeFacts:
    """How one scope of an invocation stands. `exceeded`: one of its active policies is at its hard stop."""

    paused: bool = False
    pause_reason: PauseReason | None = None
    exceeded: bool = False


@dataclass(frozen=True, slots=True)
class InvocationBlock:
    """Why work may not start: the scope at fault and the text that clients show."""

    scope: BudgetScope
    text: str


CLEAR = ScopeFacts()


def invocation_block(
    *, company: ScopeFacts = CLEAR, agent: ScopeFacts = CLEAR, project: ScopeFacts | None = None
) -> InvocationBlock | None:
    """The first block, in the order of spec/4 9; None when work may start.

    Company paused, company exceeded, agent paused for budget, agent exceeded, project paused or exceeded. An agent
    that is paused for another reason is not blocked here: that gate has its own place and text.
    """
    if company.paused:
        return _paused(BudgetScope.COMPANY, company)
    if company.exceeded:
        return _exceeded(BudgetScope.COMPANY)
    if agent.paused and agent.pause_reason is PauseReason.BUDGET:
        return _paused(BudgetScope.AGENT, agent)
    if agent.exceeded:
        return _exceeded(BudgetScope.AGENT)
    if project is not None and project.paused:
        return _paused(BudgetScope.PROJECT, project)
    if project is not None and project.exceeded:
        return _exceeded(BudgetScope.PROJECT)
    return None


def _paused(scope: BudgetScope, facts: ScopeFacts) -> InvocationBlock:
    name = scope.value.capitalize()
    if facts.pause_reason is PauseReason.BUDGET:
        return InvocationBlock(scope, f"{name} is paused because its budget hard-stop was reached.")
    return InvocationBlock(scope, f"{name} is paused.")


def _exceeded(scope: BudgetScope) -> InvocationBlock:
    return InvocationBlock(scope, f"{scope.value.capitalize()} cannot start work because its budget is used up.")
