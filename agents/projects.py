"""The little that money needs to know of projects. Their table belongs to a higher app: it is reached as the foreign
key of `CostEvent` reaches it, and nothing else of it is touched here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from agents.models import CostEvent
from agents.vocabulary import PauseReason


def projects(company_id: UUID) -> QuerySet[Any]:
    """The projects of a company."""
    model: Any = CostEvent._meta.get_field("project").related_model
    rows: QuerySet[Any] = model._default_manager.filter(company_id=company_id)
    return rows


def project_exists(company_id: UUID, project_id: UUID) -> bool:
    """Whether the company has this project."""
    return projects(company_id).filter(id=project_id).exists()


def pause_project(company_id: UUID, project_id: UUID, *, now: datetime) -> bool:
    """Pause a running project for its budget; False if it was paused already."""
    rows = projects(company_id).filter(id=project_id, paused_at__isnull=True)
    return rows.update(paused_at=now, pause_reason=PauseReason.BUDGET, updated_at=now) == 1


def resume_project(company_id: UUID, project_id: UUID, *, now: datetime) -> bool:
    """Resume a project that its budget had paused, and no other."""
    rows = projects(company_id).filter(id=project_id, pause_reason=PauseReason.BUDGET)
    return rows.update(paused_at=None, pause_reason=None, updated_at=now) == 1
