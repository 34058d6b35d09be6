"""What an issue may override of its assignee's configuration, and who may ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agents.access import may_configure_all
from agents.actors import Actor
from agents.adapter_schemas import TUNING_KEYS
from config.common.wire.errors import Forbidden

NOT_YOURS = "Agents may not override {} of an assignee: that needs the right to create agents"


def require_overrides(actor: Actor, company_id: UUID, asked: object, *, stored: object = None) -> None:
    """403 for an agent that chooses what its assignee's host executes, reads or calls.

    An agent may ask for another model, effort, prompt or time limit, and may leave what is stored as it is. People who
    write, the CEO and agents that may create agents configure whom they like.
    """
    chosen = executable_changes(asked, stored)
    if actor.is_agent and chosen and not may_configure_all(actor, company_id):
        named = ", ".join(chosen)
        raise Forbidden(NOT_YOURS.format(named), details={"keys": [f"adapterConfig.{key}" for key in chosen]})


def executable_changes(asked: object, stored: object) -> list[str]:
    """The keys of `adapterConfig` beyond tuning that the new overrides set to another value than the stored ones.

    A key that is taken away leaves the agent's own value: that is no choice of another.
    """
    new, old = _adapter_config(asked), _adapter_config(stored)
    return sorted(key for key, value in new.items() if key not in TUNING_KEYS and (key not in old or old[key] != value))


def _adapter_config(overrides: object) -> Mapping[str, Any]:
    config = overrides.get("adapterConfig") if isinstance(overrides, Mapping) else None
    return config if isinstance(config, Mapping) else {}
