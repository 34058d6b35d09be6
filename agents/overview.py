"""Figures that higher apps own and screens of this app show. They register how to get them when they are ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

IssueCounts = Callable[[Sequence[UUID]], Mapping[UUID, int]]
Section = Callable[[UUID, datetime], Any]


class _Registry:
    issue_counts: IssueCounts | None = None
    sections: dict[str, Section] = {}


def register_issue_counts(counter: IssueCounts) -> None:
    """Say how the issues of companies are counted: `issues` does, with one statement for all of them."""
    _Registry.issue_counts = counter


def issue_counts(company_ids: Sequence[UUID]) -> Mapping[UUID, int]:
    """How many issues each company has; nothing while nobody counts."""
    return _Registry.issue_counts(company_ids) if _Registry.issue_counts else {}


def register_section(name: str, section: Section) -> None:
    """Provide one key of the dashboard (`tasks` by `issues`, `runActivity` by `heartbeats`), in wire form."""
    _Registry.sections[name] = section


def sections(company_id: UUID, *, now: datetime) -> dict[str, Any]:
    """Every registered part of a company's dashboard."""
    return {name: section(company_id, now) for name, section in _Registry.sections.items()}
