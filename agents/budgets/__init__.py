"""Money: what was spent, what may be spent, and what stops when it is too much (spec/2 K, spec/4 9)."""

from __future__ import annotations

from agents.budgets.blocking import BudgetBlock, invocation_block
from agents.budgets.enforcement import enforce_budgets
from agents.budgets.spending import NewCost, book_cost_event, record_cost_event

__all__ = [
    "BudgetBlock",
    "NewCost",
    "book_cost_event",
    "enforce_budgets",
    "invocation_block",
    "record_cost_event",
]
