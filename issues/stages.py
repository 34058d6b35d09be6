"""Execution policies: review and approval stages between work and done (spec/4, W2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.actors import Actor
from issues.announcements import StageMove
from issues.models import Issue


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """Columns that the policy sets, and whom it calls; both empty when no stage moves."""

    columns: Mapping[str, Any] = field(default_factory=dict)
    move: StageMove | None = None


def move_stage(
    actor: Actor,  # noqa: ARG001
    issue: Issue,  # noqa: ARG001
    columns: Mapping[str, Any],  # noqa: ARG001
    *,
    comment: str | None,  # noqa: ARG001
    review_request: Mapping[str, Any] | None,  # noqa: ARG001
) -> Staged:
    """What the policy makes of a change that is about to be written."""
    return Staged()
