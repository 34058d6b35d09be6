"""Agents on the wire (spec/4 2)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from agents.access import Superior
from agents.api.shapes.companies import cents
from agents.grants import Access
from agents.models import Agent, AgentKey
from agents.redaction import redacted
from agents.skills import MOST_SKILLS
from agents.vocabulary import AgentRole, AgentStatus
from config.common.wire.camel import opaque
from config.common.wire.fields import FlagField, MomentField, TextField, UserJSONField, WholeField
from config.common.wire.serializers import WireSerializer

NAMES = {"reports_to_id": "reportsTo"}
CONFIGURATION = (
    *("id", "companyId", "name", "role", "title", "status", "reportsTo"),
    *("adapterType", "adapterConfig", "runtimeConfig", "permissions", "updatedAt"),
)


class ShownConfigField(UserJSONField):
    """A configuration as it may be shown: secrets masked; empty for callers without configuration rights."""

    def to_representation(self, value: Any) -> Any:  # noqa: ANN401
        """The masked copy."""
        return opaque(redacted(value) if self.parent.context.get("configs", True) else {})


class AgentShape(WireSerializer):
    """An agent as it is answered. Context `configs`: whether the caller may see configurations."""

    wire_names = NAMES

    id = serializers.UUIDField()
    company_id = serializers.UUIDField()
    name = TextField()
    url_key = TextField()
    role = TextField()
    title = TextField(allow_null=True)
    icon = TextField(allow_null=True)
    status = TextField()
    presence = TextField()
    reports_to_id = serializers.UUIDField(allow_null=True)
    capabilities = TextField(allow_null=True)
    adapter_type = TextField()
    adapter_config = ShownConfigField()
    runtime_config = ShownConfigField()
    default_environment_id = serializers.ReadOnlyField(default=None)
    budget_monthly_cents = WholeField()
    spent_monthly_cents = WholeField()
    pause_reason = TextField(allow_null=True)
    paused_at = MomentField(allow_null=True)
    permissions = serializers.SerializerMethodField()
    last_heartbeat_at = MomentField(allow_null=True)
    last_seen_at = MomentField(allow_null=True)
    metadata = UserJSONField(allow_null=True)
    created_at = MomentField()
    updated_at = MomentField()

    def get_permissions(self, agent: Agent) -> dict[str, bool]:
        """The one flag that is a column."""
        return {"canCreateAgents": agent.can_create_agents}


class SuperiorShape(WireSerializer):
    """One step up the chain of command."""

    id = serializers.UUIDField()
    name = TextField()
    role = TextField()
    title = TextField(allow_null=True)


class GrantShape(WireSerializer):
    """A right that was given explicitly."""

    permission_key = TextField()


class AccessShape(WireSerializer):
    """What an agent may do, and whence."""

    can_assign_tasks = FlagField()
    task_assign_source = TextField()
    membership = UserJSONField()
    grants = GrantShape(many=True)


class AgentDetailShape(AgentShape):
    """What `agent_detail` makes, for the document."""

    chain_of_command = SuperiorShape(many=True)
    access = AccessShape()


def agent_detail(agent: Agent, chain: list[Superior], access: Access, *, configs: bool) -> dict[str, Any]:
    """An agent with its superiors and its rights."""
    return {
        **AgentShape(agent, context={"configs": configs}).data,
        "chainOfCommand": [
            {"id": step.id, "name": step.name, "role": step.role, "title": step.title} for step in chain
        ],
        "access": {
            "canAssignTasks": access.can_assign_tasks,
            "taskAssignSource": access.task_assign_source,
            "membership": {"companyId": agent.company_id, "principalType": "agent", "principalId": agent.id},
            "grants": [{"permissionKey": name} for name in access.grants],
        },
    }


def configuration_shape(agent: Agent) -> dict[str, Any]:
    """`GET /agents/:id/configuration`."""
    whole = AgentShape(agent).data
    return {name: whole[name] for name in CONFIGURATION}


class PermissionFlags(WireSerializer):
    """`permissions` of a new agent."""

    can_create_agents = FlagField(required=False)


class AgentBody(WireSerializer):
    """What may be said of an agent; further fields of newer clients are ignored."""

    wire_names = NAMES

    name = TextField(min_length=1, max_length=200)
    role = serializers.ChoiceField(choices=[role.value for role in AgentRole], required=False)
    title = TextField(max_length=200, required=False, allow_null=True, allow_blank=True)
    icon = TextField(max_length=64, required=False, allow_null=True, allow_blank=True)
    reports_to_id = serializers.UUIDField(required=False, allow_null=True)
    capabilities = TextField(required=False, allow_null=True, allow_blank=True)
    adapter_type = TextField(min_length=1, max_length=200, required=False)
    adapter_config = UserJSONField(required=False)
    runtime_config = UserJSONField(required=False)
    budget_monthly_cents = cents(required=False)
    metadata = UserJSONField(required=False, allow_null=True)


class NewAgentBody(AgentBody):
    """What creating an agent takes."""

    permissions = PermissionFlags(required=False, allow_null=True)
    desired_skills = serializers.ListField(
        child=TextField(min_length=1, max_length=200), required=False, max_length=MOST_SKILLS
    )


class HireBody(NewAgentBody):
    """A new agent, with the issues that it is hired for."""

    source_issue_id = serializers.UUIDField(required=False, allow_null=True)
    source_issue_ids = serializers.ListField(child=serializers.UUIDField(), required=False)


class AgentChangesBody(AgentBody):
    """What may change of an agent. Rights have a route of their own."""

    name = TextField(min_length=1, max_length=200, required=False)
    permissions = UserJSONField(any_type=True, required=False, allow_null=True)
    status = serializers.ChoiceField(choices=[status.value for status in AgentStatus], required=False)
    replace_adapter_config = FlagField(required=False)


class RightsBody(WireSerializer):
    """Both rights of an agent."""

    can_create_agents = FlagField()
    can_assign_tasks = FlagField()


class NewKeyBody(WireSerializer):
    """A new key's name."""

    name = TextField(min_length=1, max_length=200, required=False, default="default")


class KeyShape(WireSerializer):
    """A key as it is listed: never the token."""

    id = serializers.UUIDField()
    name = TextField()
    prefix = TextField()
    last_used_at = MomentField(allow_null=True)
    created_at = MomentField()
    revoked_at = MomentField(allow_null=True)


def issued_key(key: AgentKey, token: str) -> dict[str, Any]:
    """A key at the moment of its making."""
    return {"id": key.id, "name": key.name, "token": token, "createdAt": key.created_at}


class RevisionShape(WireSerializer):
    """One change of a configuration."""

    wire_names = {"before": "beforeConfig", "after": "afterConfig", "origin": "source"}

    id = serializers.UUIDField()
    company_id = serializers.UUIDField()
    agent_id = serializers.UUIDField()
    origin = TextField(source="source")
    changed_keys = UserJSONField(any_type=True)
    before = UserJSONField()
    after = UserJSONField()
    created_by_agent_id = serializers.UUIDField(allow_null=True)
    created_by_user_id = serializers.UUIDField(allow_null=True)
    created_at = MomentField()


def org_tree(agents: list[Agent]) -> list[dict[str, Any]]:
    """The agents as a forest by whom they report to; who reports to nobody here, or to itself in a loop, is a root."""
    nodes = {
        agent.id: {"id": agent.id, "name": agent.name, "role": agent.role, "status": agent.status} for agent in agents
    }
    below: dict[Any, list[Agent]] = {}
    for agent in agents:
        below.setdefault(agent.reports_to_id if agent.reports_to_id in nodes else None, []).append(agent)
    placed: set[Any] = set()

    def grow(boss: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        grown = []
        for agent in below.get(boss, []):
            if agent.id not in placed:
                placed.add(agent.id)
                grown.append({**nodes[agent.id], "reports": grow(agent.id)})
        return grown

    forest = grow(None)
    for agent in agents:
        if agent.id not in placed:
            placed.add(agent.id)
            forest.append({**nodes[agent.id], "reports": grow(agent.id)})
    return forest
