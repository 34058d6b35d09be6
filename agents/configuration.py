"""Hiring and configuring agents. Keeps the policy columns in step with `runtime_config`, and a history of changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents import grants, lifecycle
from agents.access import (
    agent_for,
    chain_of_command,
    company_for,
    locked_agent_for,
    require_agent_creation,
    require_configuration,
)
from agents.actors import Actor
from agents.adapter_schemas import adapter_flaws, knows_adapter, why_never_run
from agents.budgets.policies import set_monthly_budget
from agents.config_history import columns_of, keep_revision, revision_of, snapshot_of
from agents.journal import activity, log_activity
from agents.models import Agent, Company
from agents.policy_columns import policy_columns, timer_deadline, with_defaults
from agents.redaction import holds_mask, unmasked
from agents.skills import desiring
from agents.vocabulary import AdapterType, AgentStatus, BudgetScope, Permission
from config.common.wire.camel import camel
from config.common.wire.errors import Conflict, Forbidden, Unprocessable

BOARD_COLUMNS = frozenset({"status", "budget_monthly_cents"})
APPOINTED_COLUMNS = BOARD_COLUMNS | {"role"}
NEEDS_APPROVAL = "Direct agent creation requires board approval. Use agent-hires."


def url_key_of(name: str) -> str:
    """The shortname of an agent: its name in lower case, everything but letters and digits as single dashes."""
    return re.sub(r"[\W_]+", "-", name.lower()).strip("-") or "agent"


def create_agent(actor: Actor, company_ref: UUID | str, fields: Mapping[str, Any], *, now: datetime) -> Agent:
    """A new, idle agent, logged. 409 where the company wants each agent approved by the board."""
    with transaction.atomic():
        company = company_for(actor, company_ref, write=True)
        require_agent_creation(actor, company.id)
        if company.require_board_approval_for_new_agents:
            raise Conflict(NEEDS_APPROVAL)
        agent = insert_agent(actor, company, fields, status=AgentStatus.IDLE, now=now)
        details = {"name": agent.name, "role": agent.role, "agentId": str(agent.id)}
        log_activity(agent_row(actor, agent, "agent.created", details))
    return agent


def insert_agent(
    actor: Actor, company: Company, fields: Mapping[str, Any], *, status: AgentStatus, now: datetime
) -> Agent:
    """The row of a new agent with its columns, `tasks:assign`, and a policy for a budget above 0. Nothing is logged.

    `desired_skills` become a part of its adapter configuration.
    422 for an unknown adapter type, a configuration that cannot work, or a manager of another company.
    """
    columns: dict[str, Any] = {"adapter_type": AdapterType.PROCESS, "adapter_config": {}, **fields}
    wanted = columns.pop("desired_skills", None)
    if wanted is not None:
        columns["adapter_config"] = desiring(columns["adapter_config"], wanted)
    columns = _checked(company.id, columns)
    runtime_config = with_defaults(fields.get("runtime_config"))
    budget = int(columns.pop("budget_monthly_cents", 0) or 0)
    permissions = columns.pop("permissions", None) or {}
    agent = Agent.objects.create(
        **{
            **columns,
            "company": company,
            "url_key": url_key_of(columns["name"]),
            "status": status,
            "runtime_config": runtime_config,
            "can_create_agents": bool(permissions.get("can_create_agents")),
            **asdict(policy_columns(runtime_config)),
        }
    )
    _plan_timer(agent)
    grants.give(agent.id, company.id, Permission.TASKS_ASSIGN)
    if budget:
        set_monthly_budget(actor, company.id, BudgetScope.AGENT, agent.id, budget, now=now)
        agent.budget_monthly_cents = budget
    return agent


def update_agent(
    actor: Actor,
    ref: UUID | str,
    changes: Mapping[str, Any],
    *,
    now: datetime,
    company_ref: str | None = None,
    replace_adapter_config: bool = False,
) -> Agent:
    """Change an agent, logged with the names of what changed and kept in its history. Locks the agent.

    `adapter_config` is merged over the stored one at its top level, or replaces it. Masked secrets keep their value.
    Status, role and budget are the board's: no agent promotes itself.
    """
    with transaction.atomic():
        if "budget_monthly_cents" in changes:
            _lock_company_of(actor, ref, company_ref)
        agent = locked_agent_for(actor, ref, company_ref)
        require_configuration(actor, agent)
        if not actor.is_board and APPOINTED_COLUMNS & changes.keys():
            raise Forbidden("Only the board can change an agent's status, role or budget")
        wanted = _merged(agent, changes, replace=replace_adapter_config)
        apply_changes(actor, agent, wanted, now=now)
    return agent


def apply_changes(
    actor: Actor, agent: Agent, wanted: Mapping[str, Any], *, now: datetime, source: str = "update"
) -> frozenset[str]:
    """Write whole new values of columns to a locked agent; returns the names of those that differed."""
    columns = _checked(agent.company_id, wanted, agent=agent)
    changed = {name: value for name, value in columns.items() if getattr(agent, name) != value}
    before = snapshot_of(agent)
    status, budget = changed.get("status"), changed.get("budget_monthly_cents")
    _write(agent, {name: value for name, value in changed.items() if name not in BOARD_COLUMNS}, now=now)
    if budget is not None:
        set_monthly_budget(actor, agent.company_id, BudgetScope.AGENT, agent.id, budget, now=now)
        agent.refresh_from_db()
    if status is not None:
        lifecycle.set_status(agent, AgentStatus(status), actor=actor, now=now)
    if changed:
        after = snapshot_of(agent)
        keep_revision(actor, agent, before, after, source=source)
        action = "agent.config_rolled_back" if source == "rollback" else "agent.updated"
        log_activity(agent_row(actor, agent, action, _changed_keys(before, after, changed)))
    return frozenset(changed)


def agent_row(actor: Actor, agent: Agent, action: str, details: Mapping[str, Any] | None) -> Any:  # noqa: ANN401
    """One activity about an agent, unsaved."""
    return activity(actor, agent.company_id, action, entity_type="agent", entity_id=agent.id, details=details)


def _lock_company_of(actor: Actor, ref: UUID | str, company_ref: str | None) -> None:
    agent = agent_for(actor, ref, company_ref, write=True)
    Company.objects.select_for_update(no_key=True).filter(id=agent.company_id).first()


def _merged(agent: Agent, changes: Mapping[str, Any], *, replace: bool) -> dict[str, Any]:
    wanted = dict(changes)
    if "adapter_config" in wanted:
        given = unmasked(wanted["adapter_config"], agent.adapter_config)
        changes_type = wanted.get("adapter_type", agent.adapter_type) != agent.adapter_type
        kept = {} if replace or changes_type else agent.adapter_config
        wanted["adapter_config"] = {**kept, **given}
    return wanted


def _checked(company_id: UUID, columns: Mapping[str, Any], *, agent: Agent | None = None) -> dict[str, Any]:
    adapter_type = columns.get("adapter_type", agent.adapter_type if agent else AdapterType.PROCESS)
    if not knows_adapter(adapter_type):
        raise Unprocessable(f"Unknown adapter type: {adapter_type}")
    never = why_never_run(adapter_type) if agent is None or adapter_type != agent.adapter_type else None
    if never:
        raise Unprocessable(never)
    _check_adapter(adapter_type, columns.get("adapter_config", agent.adapter_config if agent else {}))
    _check_manager(company_id, columns.get("reports_to_id"), agent)
    return dict(columns)


def _check_adapter(adapter_type: str, config: Mapping[str, Any]) -> None:
    flaws = adapter_flaws(adapter_type, config)
    if flaws:
        details = [{"path": ["adapterConfig", *flaw.path], "message": f"Expected {flaw.expected}"} for flaw in flaws]
        raise Unprocessable("; ".join(flaw.sentence for flaw in flaws), details=details)
    if holds_mask(config):
        raise Unprocessable("adapterConfig holds a masked secret whose value is not known")


def _check_manager(company_id: UUID, manager_id: UUID | None, agent: Agent | None) -> None:
    if manager_id is None:
        return
    if not Agent.objects.filter(id=manager_id, company_id=company_id).exists():
        raise Unprocessable("reportsTo must be an agent of the same company")
    if agent is None:
        return
    above = {manager_id, *(step.id for step in chain_of_command(manager_id))}
    if agent.id in above:
        raise Unprocessable("reportsTo would make a circle")


def _write(agent: Agent, changed: dict[str, Any], *, now: datetime) -> None:
    if not changed:
        return
    columns = dict(changed)
    if "name" in changed:
        columns["url_key"] = url_key_of(changed["name"])
    if "runtime_config" in changed:
        columns |= asdict(policy_columns(changed["runtime_config"]))
    for name, value in columns.items():
        setattr(agent, name, value)
    Agent.objects.filter(id=agent.id).update(updated_at=now, **columns)
    agent.updated_at = now
    if "runtime_config" in changed:
        _plan_timer(agent)


def _plan_timer(agent: Agent) -> None:
    agent.timer_due_at = timer_deadline(
        enabled=agent.heartbeat_enabled,
        interval_sec=agent.interval_sec,
        status=agent.status,
        created_at=agent.created_at,
        last_heartbeat_at=agent.last_heartbeat_at,
    )
    Agent.objects.filter(id=agent.id).update(timer_due_at=agent.timer_due_at)


def _changed_keys(before: Mapping[str, Any], after: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = {"changedTopLevelKeys": sorted(camel(name.removesuffix("_id")) for name in changed)}
    for name in ("adapterConfig", "runtimeConfig"):
        old, new = before[name], after[name]
        keys = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        if keys:
            details[f"changed{name[0].upper()}{name[1:]}Keys"] = keys
    return details


def roll_back(
    actor: Actor, ref: UUID | str, revision_ref: str, *, now: datetime, company_ref: str | None = None
) -> Agent:
    """Bring back the configuration that a revision had led to, logged as `agent.config_rolled_back`. Locks the agent.

    Secrets keep their present value; 422 where a secret of then is not known any more, the manager has
    left, or the revision is not whole.
    """
    with transaction.atomic():
        agent = locked_agent_for(actor, ref, company_ref)
        revision = revision_of(actor, agent, revision_ref)
        columns = columns_of(revision.after)
        columns["adapter_config"] = unmasked(columns["adapter_config"], agent.adapter_config)
        apply_changes(actor, agent, columns, now=now, source="rollback")
    return agent


def delete_agent(actor: Actor, ref: UUID | str, *, now: datetime, company_ref: str | None = None) -> None:
    """Terminate the agent, so that its runs are cancelled, then delete it with all it left. Locks the agent."""
    with transaction.atomic():
        agent = locked_agent_for(actor, ref, company_ref)
        lifecycle.end(agent, actor=actor, now=now)
        log_activity(agent_row(actor, agent, "agent.deleted", {"name": agent.name}))
        agent.delete()
