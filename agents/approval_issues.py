"""The issues that an approval is about. Issues belong to a higher app, which registers how to list them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

ApprovalIssues = Callable[[UUID, UUID], Sequence[Any]]


class _Registry:
    provider: ApprovalIssues | None = None


def register_approval_issues(provider: ApprovalIssues) -> None:
    """Say how the issues of (company, approval) are listed, in wire form. Called once, by `issues` when it is ready."""
    _Registry.provider = provider


def issues_of_approval(company_id: UUID, approval_id: UUID) -> list[Any]:
    """The issues linked to an approval; none while nobody lists them."""
    return list(_Registry.provider(company_id, approval_id)) if _Registry.provider else []
