"""The adapter configuration of one run: the agent's, with what the issue asks of its assignee over it (seed 002)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.models import Agent
from heartbeats.readings import JsonObject, object_of
from issues.models import Issue

_SECRETS_IN = ("env", "headers")


@dataclass(frozen=True, slots=True)
class EffectiveConfig:
    """`values` is what the run is started with; `notes` say what of the issue's wishes was not granted."""

    values: JsonObject
    notes: tuple[str, ...] = ()


def effective_config(configured: Mapping[str, Any] | None, overrides: object, *, is_assignee: bool) -> EffectiveConfig:
    """Put `adapterConfig` of the issue's overrides over the agent's configuration, key by key at its top level.

    Overrides are addressed to the issue's assignee: any other agent's run ignores them. They may name no secret that
    the agent's own configuration does not name, since whoever may write an issue could read it that way.
    """
    own = object_of(configured)
    asked = object_of(object_of(overrides).get("adapterConfig")) if is_assignee else {}
    if not asked:
        return EffectiveConfig(own)
    denied: list[str] = []
    granted = {key: _granted(key, value, own, denied) for key, value in asked.items()}
    notes = tuple(
        f"Configuration: the issue's override of {name} names a secret that is not the agent's; it is left out."
        for name in denied
    )
    return EffectiveConfig({**own, **granted}, notes)


def run_config(agent: Agent, issue: Issue | None) -> EffectiveConfig:
    """The configuration of a run of this agent on this issue, as both stand now."""
    if issue is None:
        return EffectiveConfig(object_of(agent.adapter_config))
    mine = issue.assignee_agent_id == agent.pk
    return effective_config(agent.adapter_config, issue.assignee_adapter_overrides, is_assignee=mine)


def _granted(key: str, value: Any, own: Mapping[str, Any], denied: list[str]) -> Any:  # noqa: ANN401 - any JSON value
    if key not in _SECRETS_IN or not isinstance(value, Mapping):
        return value
    known = [binding for binding in object_of(own.get(key)).values() if _is_secret(binding)]
    kept = {name: binding for name, binding in value.items() if not _is_secret(binding) or binding in known}
    denied += [f"{key}.{name}" for name in value if name not in kept]
    return kept


def _is_secret(binding: object) -> bool:
    return object_of(binding).get("type") == "secret_ref"
