"""What only a person can move, of one company, as the board shows it. One statement, whatever is wrong."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.urls import reverse

from config.board.queries.rows import ALL
from config.board.words.needs import need_row
from heartbeats.board.view_models import NeedsRow, NeedsSection
from recovery.attention import waiting_for_people

SHOWN = 15


def needs_section(company_id: UUID, *, now: datetime, may_act: bool, limit: int = SHOWN) -> NeedsSection:
    """Worst first, oldest first within. One statement."""
    rows = needs_rows(company_id, now=now, may_act=may_act)
    more = f"{reverse('board')}?all=needs" if len(rows) > limit and limit < ALL else ""
    return NeedsSection(tuple(rows[:limit]), len(rows), more)


def needs_rows(company_id: UUID, *, now: datetime, may_act: bool) -> list[NeedsRow]:
    """Everything, in that order. One statement."""
    return [need_row(one, now=now, may_act=may_act) for one in waiting_for_people(company_id, now=now)]
