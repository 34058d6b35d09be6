"""Money: what was spent, what may be spent, and what stops when it is too much (spec/2 K, spec/4 9)."""

from __future__ import annotations

from agents.budgets.blocking import BudgetBlock, invocation_block
from agents.budgets.enforcement import enforce_budgets
from agents.budgets.spending import NewCost, book_cost_event, record_cost_event
from agents.budgets.windows import WindowsClosed, close_ended_windows

__all__ = [
    "BudgetBlock",
    "NewCost",
    "WindowsClosed",
    "book_cost_event",
    "close_ended_windows",
    "enforce_budgets",
    "invocation_block",
    "record_cost_event",
]
