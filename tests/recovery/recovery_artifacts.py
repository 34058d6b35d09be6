"""What an escalation leaves behind, as the process-recovery seed asks for it."""

from __future__ import annotations

from typing import Any

from heartbeats.models import HeartbeatRun, WakeupRequest
from issues.models import Issue, IssueRelation
from issues.vocabulary import OriginKind
from tests.present import present
from tests.recovery.seed_rows import Rows


def blockers_of(issue: Issue) -> list[Any]:
    """The issues that block it."""
    return list(IssueRelation.objects.filter(blocked=issue).values_list("blocker_id", flat=True))


def recovery_of(rows: Rows, run: HeartbeatRun, previous: str, retry_reason: str) -> Issue:
    """The recovery issue of a source, held to everything that the seed says of it: itself, its block, its wake."""
    recovery = Issue.objects.get(origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY, origin_id=str(rows.issue.pk))
    assert (recovery.parent_id, recovery.assignee_agent_id, recovery.origin_run_id, recovery.priority) == (
        rows.issue.pk,
        rows.agent.pk,
        run.pk,
        "medium",
    )
    assert "Recover stalled issue" in recovery.title
    for text in (f"Previous source status: `{previous}`", f"Retry reason: `{retry_reason}`", "Fix the runtime/adapter"):
        assert text in (recovery.description or "")
    assert blockers_of(rows.issue) == [recovery.pk]
    facts = {"issueId": str(recovery.pk), "sourceIssueId": str(rows.issue.pk), "strandedRunId": str(run.pk)}
    wakeup = WakeupRequest.objects.get(issue=recovery)
    assert (wakeup.agent_id, wakeup.reason, wakeup.source, wakeup.payload) == (
        rows.agent.pk,
        "issue_assigned",
        "assignment",
        facts,
    )
    context = HeartbeatRun.objects.get(pk=present(wakeup.run_id)).context
    assert {**facts, "taskId": str(recovery.pk), "source": "stranded_issue_recovery"}.items() <= context.items()
    return recovery
