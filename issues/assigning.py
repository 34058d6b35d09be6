"""Who may be given an issue, and by whom."""

from __future__ import annotations

from uuid import UUID

from agents.access import MISSING_PERMISSION, may_assign_tasks
from agents.actors import Actor
from agents.models import Agent, Member
from agents.vocabulary import AgentStatus, Permission
from config.common.wire.errors import Conflict, Forbidden, NotFound, Unprocessable
from config.common.wire.views import UUID_FORM

ONE_ASSIGNEE = "Issue can only have one assignee"
_REFUSED = {
    AgentStatus.PENDING_APPROVAL: "Cannot assign work to pending approval agents",
    AgentStatus.TERMINATED: "Cannot assign work to terminated agents",
}


def require_assignment(actor: Actor, company_id: UUID) -> None:
    """403 unless the caller may give issues to somebody."""
    if not may_assign_tasks(actor, company_id):
        raise Forbidden(MISSING_PERMISSION.format(Permission.TASKS_ASSIGN))


def require_one_assignee(agent_id: UUID | None, user_id: UUID | None) -> None:
    """422 for two."""
    if agent_id is not None and user_id is not None:
        raise Unprocessable(ONE_ASSIGNEE)


def assignable_agent(company_id: UUID, ref: UUID | str) -> Agent:
    """The company's agent named by id or shortname: 404 if there is none, 409 if it may not be given work."""
    rows = Agent.objects.filter(company_id=company_id)
    if isinstance(ref, UUID) or UUID_FORM.fullmatch(ref):
        agent = rows.filter(id=ref).first()
    else:
        agent = _by_shortname(company_id, ref)
    if agent is None:
        raise NotFound.of("Assignee agent")
    refused = _REFUSED.get(AgentStatus(agent.status))
    if refused:
        raise Conflict(refused, details={"status": agent.status})
    return agent


def _by_shortname(company_id: UUID, ref: str) -> Agent | None:
    named = Agent.objects.filter(company_id=company_id, url_key=ref.strip().lower())
    found = list(named.exclude(status=AgentStatus.TERMINATED)[:2])
    if len(found) > 1:
        raise Conflict("Agent shortname is ambiguous in this company. Use the agent id.")
    return found[0] if found else None


def require_assignable_user(company_id: UUID, user_id: UUID) -> None:
    """404 unless an active member of the company."""
    if not Member.objects.filter(company_id=company_id, user_id=user_id, is_active=True).exists():
        raise NotFound.of("Assignee user")
