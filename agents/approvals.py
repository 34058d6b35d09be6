"""Questions to the board: asking, deciding, asking again (spec/4 7). A decision is made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents import lifecycle
from agents.access import company_for, require_company, require_company_write, uuid_or_404
from agents.actors import Actor
from agents.announcements import ApprovalDecided, ApprovalRequested, approval_decided, approval_requested
from agents.configuration import insert_agent
from agents.hire_payload import hire_fields
from agents.journal import activity, log_activity
from agents.models import Agent, Approval, ApprovalComment, Company
from agents.vocabulary import AgentStatus, ApprovalStatus, ApprovalType
from config.common.transitions import Transitions
from config.common.wire.errors import Conflict, Forbidden, NotFound, Unprocessable

OPEN = frozenset({ApprovalStatus.PENDING, ApprovalStatus.REVISION_REQUESTED})

STATUS = Transitions(
    {
        ApprovalStatus.PENDING: {"revision_requested", "approved", "rejected", "cancelled"},
        ApprovalStatus.REVISION_REQUESTED: {"pending", "approved", "rejected", "cancelled"},
        ApprovalStatus.APPROVED: set(),
        ApprovalStatus.REJECTED: set(),
        ApprovalStatus.CANCELLED: set(),
    }
)


@dataclass(frozen=True, slots=True)
class Decision:
    """An approval after somebody decided it; `won` is False when that had been decided so before."""

    approval: Approval
    won: bool


def approval_for(actor: Actor, ref: str, *, write: bool = False) -> Approval:
    """The approval if the caller may read (or act) in its company; 404 for an unknown one. No lock."""
    return _load(actor, ref, lock=False, write=write)


def request_approval(actor: Actor, company_ref: UUID | str, fields: Mapping[str, Any], *, now: datetime) -> Approval:
    """Ask the board, logged, for these issues. An agent asks for itself; 422 for a requester of another company."""
    with transaction.atomic():
        company = company_for(actor, company_ref, write=True)
        requester = _requester(actor, company.id, fields.get("requested_by_agent_id"))
        approval = Approval.objects.create(
            company=company,
            type=fields["type"],
            payload=fields["payload"],
            requested_by_agent_id=requester,
            requested_by_user_id=actor.user_id,
        )
        _log(actor, approval, "approval.created", {"type": approval.type})
        issue_ids = tuple(fields.get("issue_ids") or ())
        approval_requested.tell(
            ApprovalRequested(company_id=company.id, approval_id=approval.id, issue_ids=issue_ids, actor=actor, now=now)
        )
    return approval


def approve(actor: Actor, ref: str, note: str | None, *, now: datetime) -> Decision:
    """Approve, once: a hire makes its agent idle (or makes the agent), and the requester is announced to be woken.

    409 when it was rejected or cancelled before. Locks the company, then the agent, then the approval.
    """
    with transaction.atomic():
        approval = _locked(actor, ref)
        if not _decide(actor, approval, ApprovalStatus.APPROVED, note, now=now):
            return Decision(approval, won=False)
        if approval.type == ApprovalType.HIRE_AGENT:
            _admit_hire(actor, approval, now=now)
        _log(actor, approval, "approval.approved", {"type": approval.type})
        _tell(actor, approval, now=now)
    return Decision(approval, won=True)


def reject(actor: Actor, ref: str, note: str | None, *, now: datetime) -> Decision:
    """Reject, once: a pending hire is terminated. 409 when it was approved or cancelled before. Locks as `approve`."""
    with transaction.atomic():
        approval = _locked(actor, ref)
        if not _decide(actor, approval, ApprovalStatus.REJECTED, note, now=now):
            return Decision(approval, won=False)
        hired = _hired_agent(approval)
        if hired is not None and hired.status == AgentStatus.PENDING_APPROVAL:
            lifecycle.end(hired, actor=actor, now=now)
        _log(actor, approval, "approval.rejected", {"type": approval.type})
        _tell(actor, approval, now=now)
    return Decision(approval, won=True)


def request_revision(actor: Actor, ref: str, note: str | None, *, now: datetime) -> Decision:
    """Send a pending approval back to who asked. 409 unless it is pending."""
    with transaction.atomic():
        approval = _locked(actor, ref)
        if approval.status != ApprovalStatus.PENDING:
            raise Conflict("Only pending approvals can be sent back for revision")
        _move(approval, ApprovalStatus.REVISION_REQUESTED, now=now, **_decided_by(actor, note, now))
        _log(actor, approval, "approval.revision_requested", {"type": approval.type})
        _tell(actor, approval, now=now)
    return Decision(approval, won=True)


def resubmit(actor: Actor, ref: str, payload: Mapping[str, Any] | None, *, now: datetime) -> Approval:
    """Ask again, with a new payload if given. The requesting agent or the board only (403); 409 unless sent back."""
    with transaction.atomic():
        approval = _locked(actor, ref)
        if actor.is_agent and actor.agent_id != approval.requested_by_agent_id:
            raise Forbidden("Only the requesting agent can resubmit this approval")
        if approval.status != ApprovalStatus.REVISION_REQUESTED:
            raise Conflict("Only approvals sent back for revision can be resubmitted")
        columns: dict[str, Any] = {"decision_note": None, "decided_by_user_id": None, "decided_at": None}
        if payload is not None:
            columns["payload"] = _kept_agent(approval, payload)
        _move(approval, ApprovalStatus.PENDING, now=now, **columns)
        _log(actor, approval, "approval.resubmitted", {"type": approval.type})
    return approval


def comment(actor: Actor, ref: str, body: str) -> ApprovalComment:
    """Say something about an approval, logged."""
    with transaction.atomic():
        approval = _load(actor, ref, lock=False, write=True)
        row = ApprovalComment.objects.create(
            company_id=approval.company_id,
            approval=approval,
            author_agent_id=actor.agent_id,
            author_user_id=actor.user_id,
            body=body,
        )
        _log(actor, approval, "approval.comment_added", {"commentId": str(row.id)})
    return row


def _requester(actor: Actor, company_id: UUID, wanted: UUID | None) -> UUID | None:
    if actor.is_agent:
        return actor.agent_id
    if wanted is not None and not Agent.objects.filter(id=wanted, company_id=company_id).exists():
        raise Unprocessable("requestedByAgentId must be an agent of the same company")
    return wanted


def _load(actor: Actor, ref: str, *, lock: bool, write: bool) -> Approval:
    rows = Approval.objects.select_for_update(no_key=True) if lock else Approval.objects.all()
    approval = rows.filter(id=uuid_or_404(ref, "Approval")).first()
    if approval is None:
        raise NotFound.of("Approval")
    (require_company_write if write else require_company)(actor, approval.company_id)
    return approval


def _locked(actor: Actor, ref: str) -> Approval:
    # A hire locks its agent and may set a budget: company, then agent, come before the approval itself.
    approval = _load(actor, ref, lock=False, write=True)
    if approval.type == ApprovalType.HIRE_AGENT:
        Company.objects.select_for_update(no_key=True).filter(id=approval.company_id).first()
        _hired_agent(approval)
    return _load(actor, ref, lock=True, write=True)


def _hired_agent(approval: Approval) -> Agent | None:
    """The agent that a hire is about, locked."""
    if approval.type != ApprovalType.HIRE_AGENT:
        return None
    try:
        agent_id = UUID(str(approval.payload.get("agentId")))
    except ValueError:
        return None
    rows = Agent.objects.select_for_update(no_key=True)
    return rows.filter(id=agent_id, company_id=approval.company_id).first()


def _decide(actor: Actor, approval: Approval, to: ApprovalStatus, note: str | None, *, now: datetime) -> bool:
    if approval.status == to:
        return False
    if approval.status not in OPEN:
        raise Conflict(f"Approval is already {approval.status}")
    return _move(approval, to, now=now, **_decided_by(actor, note, now))


def _decided_by(actor: Actor, note: str | None, now: datetime) -> dict[str, Any]:
    return {"decision_note": note, "decided_by_user_id": actor.user_id, "decided_at": now}


def _move(approval: Approval, to: ApprovalStatus, *, now: datetime, **columns: Any) -> bool:  # noqa: ANN401
    expected = {approval.status}
    won = STATUS.move(Approval.objects.filter(id=approval.id), to=to, expected=expected, updated_at=now, **columns)
    approval.refresh_from_db()
    return won


def _admit_hire(actor: Actor, approval: Approval, *, now: datetime) -> None:
    agent = _hired_agent(approval)
    if agent is not None:
        lifecycle.admit(agent, actor=actor, now=now)
        return
    company = Company.objects.get(id=approval.company_id)
    agent = insert_agent(actor, company, hire_fields(approval.payload), status=AgentStatus.IDLE, now=now)
    payload = {**approval.payload, "agentId": str(agent.id)}
    Approval.objects.filter(id=approval.id).update(payload=payload)
    approval.payload = payload
    details = {"name": agent.name, "role": agent.role, "agentId": str(agent.id), "approvalId": str(approval.id)}
    log_activity(activity(actor, company.id, "agent.created", entity_type="agent", entity_id=agent.id, details=details))


def _kept_agent(approval: Approval, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The new payload, still about the agent that waits: a requester cannot point a hire at another agent."""
    kept = {key: value for key, value in payload.items() if key != "agentId"}
    return {**kept, "agentId": approval.payload["agentId"]} if "agentId" in approval.payload else kept


def _tell(actor: Actor, approval: Approval, *, now: datetime) -> None:
    approval_decided.tell(
        ApprovalDecided(
            company_id=approval.company_id,
            approval_id=approval.id,
            type=ApprovalType(approval.type),
            status=ApprovalStatus(approval.status),
            requested_by_agent_id=approval.requested_by_agent_id,
            actor=actor,
            now=now,
        )
    )


def _log(actor: Actor, approval: Approval, action: str, details: Mapping[str, Any]) -> None:
    log_activity(
        activity(
            actor,
            approval.company_id,
            action,
            entity_type="approval",
            entity_id=approval.id,
            details=details,
        )
    )
