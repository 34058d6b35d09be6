"""Reading what a hire's payload says of the new agent. Whatever is missing or garbage takes its default. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agents.skills import MOST_SKILLS
from agents.vocabulary import AdapterType, AgentRole

NAME_OTHERWISE = "New agent"
MOST_CHARACTERS = 200
MOST_CENTS = 2**63 - 1


def hire_fields(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of the agent that a hire asks for; a payload with only a `name` is enough (spec/4 16)."""
    fields: dict[str, Any] = {
        "name": (_text(payload, "name") or NAME_OTHERWISE)[:MOST_CHARACTERS],
        "title": (_text(payload, "title") or "")[:MOST_CHARACTERS] or None,
        "capabilities": _text(payload, "capabilities"),
        "adapter_type": _text(payload, "adapterType") or AdapterType.PROCESS,
        "adapter_config": _object(payload, "adapterConfig"),
        "runtime_config": _object(payload, "runtimeConfig"),
    }
    if payload.get("role") in set(AgentRole):
        fields["role"] = payload["role"]
    manager = _uuid(payload, "reportsTo")
    if manager is not None:
        fields["reports_to_id"] = manager
    cents = payload.get("budgetMonthlyCents")
    if isinstance(cents, int) and not isinstance(cents, bool) and 0 < cents <= MOST_CENTS:
        fields["budget_monthly_cents"] = cents
    skills = payload.get("desiredSkills")
    if isinstance(skills, list):
        fields["desired_skills"] = [key for key in skills[:MOST_SKILLS] if isinstance(key, str)]
    return fields


def _text(payload: Mapping[str, Any], name: str) -> str | None:
    value = payload.get(name)
    return value.strip() or None if isinstance(value, str) else None


def _object(payload: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = payload.get(name)
    return dict(value) if isinstance(value, Mapping) else {}


def _uuid(payload: Mapping[str, Any], name: str) -> UUID | None:
    try:
        return UUID(str(payload.get(name)))
    except ValueError:
        return None
