"""An approved approval wakes the agent that asked for it (spec/4 section 5, W11)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog

from agents.announcements import ApprovalDecided, approval_decided
from agents.journal import activity, log_activity
from agents.vocabulary import ApprovalStatus
from heartbeats.vocabulary import TriggerDetail, WakeReason, WakeupSource
from heartbeats.wakeups.request import AgentNotFound, WakeupAsk, WakeupConflict, request_wakeup
from issues.models import IssueApproval

QUEUED = "approval.requester_wakeup_queued"
FAILED = "approval.requester_wakeup_failed"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def connect() -> None:
    """Listen to `agents`. Called once, when the app is ready; repeating changes nothing."""
    approval_decided.connect(on_approval_decided)


def on_approval_decided(news: ApprovalDecided) -> None:
    """W11: wake the requester, and log what came of it. A wake that fails never fails the approval.

    In the approval's own transaction: an approval without an issue has no sweep that would find a lost wake again.
    `request_wakeup` keeps its writes in a savepoint, so that what it raises leaves the transaction usable.
    """
    if news.status != ApprovalStatus.APPROVED or news.requested_by_agent_id is None:
        return
    try:
        outcome = request_wakeup(_ask(news, news.requested_by_agent_id), now=news.now)
    except (WakeupConflict, AgentNotFound) as refused:
        _record(news, FAILED, {"error": str(refused)})
    except Exception as error:
        log.exception("approval_wake_failed", approval_id=str(news.approval_id))
        _record(news, FAILED, {"error": type(error).__name__})
    else:
        run_id = str(outcome.run_id) if outcome.run_id else None
        _record(news, QUEUED, {"wakeRunId": run_id, "status": outcome.status, "reason": outcome.reason})


def _ask(news: ApprovalDecided, requester: UUID) -> WakeupAsk:
    linked = _issues_of(news)
    facts: dict[str, Any] = {
        "approvalId": str(news.approval_id),
        "approvalStatus": str(news.status),
        "issueId": linked[0] if linked else None,
        "issueIds": linked,
    }
    reason = WakeReason.APPROVAL_APPROVED
    told = {"taskId": facts["issueId"], "wakeReason": reason, "source": "approval.approved"}
    return WakeupAsk(
        agent_id=requester,
        company_id=news.company_id,
        source=WakeupSource.AUTOMATION,
        trigger_detail=TriggerDetail.SYSTEM,
        reason=reason,
        payload=facts,
        context={**facts, **told},
        requested_by=news.actor,
    )


def _issues_of(news: ApprovalDecided) -> list[str]:
    """The linked issues, in the order of linking."""
    links = IssueApproval.objects.filter(company_id=news.company_id, approval_id=news.approval_id)
    return [str(issue_id) for issue_id in links.order_by("created_at", "id").values_list("issue_id", flat=True)]


def _record(news: ApprovalDecided, action: str, details: dict[str, Any]) -> None:
    facts = {"requesterAgentId": str(news.requested_by_agent_id), **details}
    row = activity(
        news.actor, news.company_id, action, entity_type="approval", entity_id=news.approval_id, details=facts
    )
    log_activity(row)
