"""What an agent's configuration was before and after each change, secrets masked, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agents.access import require_configuration, uuid_or_404
from agents.actors import Actor
from agents.models import Agent, ConfigRevision
from agents.redaction import redacted
from config.common.wire.errors import NotFound, Unprocessable

# Column → name in a snapshot: what a rollback brings back.
SNAPSHOT = {
    "name": "name",
    "role": "role",
    "title": "title",
    "icon": "icon",
    "reports_to_id": "reportsTo",
    "capabilities": "capabilities",
    "adapter_type": "adapterType",
    "adapter_config": "adapterConfig",
    "runtime_config": "runtimeConfig",
    "metadata": "metadata",
}
ESSENTIAL = ("adapterType", "adapterConfig", "runtimeConfig")


def snapshot_of(agent: Agent) -> dict[str, Any]:
    """The configuration as plain JSON under wire names, unmasked: for comparing, not for keeping."""
    values = {name: getattr(agent, column) for column, name in SNAPSHOT.items()}
    return {name: str(value) if isinstance(value, UUID) else value for name, value in values.items()}


def keep_revision(
    actor: Actor, agent: Agent, before: Mapping[str, Any], after: Mapping[str, Any], *, source: str
) -> ConfigRevision | None:
    """Store one change with its secrets masked; None when the configuration did not change."""
    changed = sorted(name for name in after if before.get(name) != after[name])
    if not changed:
        return None
    return ConfigRevision.objects.create(
        company_id=agent.company_id,
        agent=agent,
        before=redacted(before),
        after=redacted(after),
        changed_keys=changed,
        source=source,
        created_by_agent_id=actor.agent_id,
        created_by_user_id=actor.user_id,
    )


def revisions_of(actor: Actor, agent: Agent) -> list[ConfigRevision]:
    """The history of an agent, newest first; 403 without configuration rights."""
    require_configuration(actor, agent)
    return list(ConfigRevision.objects.filter(agent=agent)[:200])


def revision_of(actor: Actor, agent: Agent, ref: str) -> ConfigRevision:
    """One revision of this agent; 404 for another's."""
    require_configuration(actor, agent)
    revision = ConfigRevision.objects.filter(agent=agent, id=uuid_or_404(ref, "Revision")).first()
    if revision is None:
        raise NotFound.of("Revision")
    return revision


def columns_of(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a snapshot brings back; 422 for one that does not say how the agent ran."""
    if any(name not in snapshot for name in ESSENTIAL):
        raise Unprocessable("The revision holds no whole configuration")
    columns = {column: snapshot[name] for column, name in SNAPSHOT.items() if name in snapshot}
    if columns.get("reports_to_id"):
        columns["reports_to_id"] = UUID(columns["reports_to_id"])
    return columns
