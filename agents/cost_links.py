"""What a reported cost points at must be of its company: a foreign id would move money between tenants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agents.models import Agent, CostEvent
from config.common.wire.errors import NotFound, Unprocessable

LINKS = {"issue_id": "issue", "project_id": "project", "run_id": "run"}


def checked_links(company_id: UUID, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields; 404 for an agent and 422 for an issue, project or run that the company does not have."""
    if not Agent.objects.filter(id=fields["agent_id"], company_id=company_id).exists():
        raise NotFound.of("Agent")
    for name, relation in LINKS.items():
        wanted = fields.get(name)
        model: Any = CostEvent._meta.get_field(relation).related_model
        if wanted is not None and not model._default_manager.filter(id=wanted, company_id=company_id).exists():
            raise Unprocessable(f"{relation.capitalize()} does not belong to this company")
    return {name: value for name, value in fields.items() if value is not None}
