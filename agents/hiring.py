"""Hiring: an agent at once, or one that waits for the board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.access import company_for, require_agent_creation
from agents.actors import Actor
from agents.announcements import ApprovalRequested, approval_requested
from agents.configuration import agent_row, insert_agent
from agents.journal import activity, log_activity
from agents.models import Agent, Approval, CostEvent
from agents.redaction import redacted
from agents.vocabulary import AgentStatus, ApprovalType
from config.common.wire.errors import NotFound


@dataclass(frozen=True, slots=True)
class Hired:
    """A new agent, and the approval it waits for, if any."""

    agent: Agent
    approval: Approval | None


def hire_agent(actor: Actor, company_ref: UUID | str, fields: Mapping[str, Any], *, now: datetime) -> Hired:
    """Hire an agent: idle, or `pending_approval` with an approval where the company wants one. Logged.

    404 for an issue that the company does not have.
    """
    columns = dict(fields)
    issue_ids = _source_issues(columns)
    with transaction.atomic():
        company = company_for(actor, company_ref, write=True)
        require_agent_creation(actor, company.id)
        _require_own_issues(company.id, issue_ids)
        pending = company.require_board_approval_for_new_agents
        status = AgentStatus.PENDING_APPROVAL if pending else AgentStatus.IDLE
        agent = insert_agent(actor, company, columns, status=status, now=now)
        approval = _ask(actor, agent, issue_ids, now=now) if pending else None
        details = {"name": agent.name, "role": agent.role, "requiresApproval": pending}
        if approval is not None:
            details["approvalId"] = str(approval.id)
        log_activity(agent_row(actor, agent, "agent.hire_created", details))
    return Hired(agent, approval)


def _ask(actor: Actor, agent: Agent, issue_ids: tuple[UUID, ...], *, now: datetime) -> Approval:
    approval = Approval.objects.create(
        company_id=agent.company_id,
        type=ApprovalType.HIRE_AGENT,
        payload=_payload(agent),
        requested_by_agent_id=actor.agent_id,
        requested_by_user_id=actor.user_id,
    )
    log_activity(
        activity(
            actor,
            agent.company_id,
            "approval.created",
            entity_type="approval",
            entity_id=approval.id,
            details={"type": approval.type, "agentId": str(agent.id)},
        )
    )
    news = ApprovalRequested(
        company_id=agent.company_id, approval_id=approval.id, issue_ids=issue_ids, actor=actor, now=now
    )
    approval_requested.tell(news)
    return approval


def _payload(agent: Agent) -> dict[str, Any]:
    return {
        "agentId": str(agent.id),
        "name": agent.name,
        "role": agent.role,
        "title": agent.title,
        "reportsTo": str(agent.reports_to_id) if agent.reports_to_id else None,
        "capabilities": agent.capabilities,
        "adapterType": agent.adapter_type,
        "adapterConfig": redacted(agent.adapter_config),
        "runtimeConfig": redacted(agent.runtime_config),
        "budgetMonthlyCents": agent.budget_monthly_cents,
    }


def _require_own_issues(company_id: UUID, issue_ids: tuple[UUID, ...]) -> None:
    """404 for an issue that the company does not have. Their table is a higher app's: reached as foreign keys do."""
    model: Any = CostEvent._meta.get_field("issue").related_model
    if issue_ids and model._default_manager.filter(company_id=company_id, id__in=issue_ids).count() != len(issue_ids):
        raise NotFound.of("Issue")


def _source_issues(columns: dict[str, Any]) -> tuple[UUID, ...]:
    one, many = columns.pop("source_issue_id", None), columns.pop("source_issue_ids", None) or []
    return tuple(dict.fromkeys([one, *many] if one else many))
