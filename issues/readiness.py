"""Whether an issue may be worked on: pause holds above it, blockers before it (spec/2 B, C)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

MAX_ANCESTORS = 100


@dataclass(frozen=True)
class Readiness:
    """What stands in the way of one issue. `hold` are the facts of the nearest active pause hold; `blockers` are
    summaries (id, identifier, title, status, priority, assigneeAgentId, assigneeUserId) of those not `done`."""

    issue_id: UUID
    hold: dict[str, Any] | None
    blockers: list[dict[str, Any]]

    @property
    def dependency_ready(self) -> bool:
        """No unresolved blocker. Only `done` resolves one; `cancelled` does not."""
        return not self.blockers


def readiness_of(company_id: UUID, issue_ids: Collection[UUID]) -> dict[UUID, Readiness]:
    """The readiness of each issue of the company: one statement, however many."""
    raise NotImplementedError


def pause_hold_of(company_id: UUID, issue_id: UUID) -> dict[str, Any] | None:
    """The nearest active pause hold on the issue or an ancestor (up to 100 levels), None without one."""
    raise NotImplementedError


def unresolved_blockers(company_id: UUID, issue_id: UUID) -> list[dict[str, Any]]:
    """Summaries of the blockers that are not `done`."""
    raise NotImplementedError
