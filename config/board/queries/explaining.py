"""Gathering what the explain panels are decided from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from config.board.queries.running import decision_of
from config.board.words.explaining import explain_panel
from heartbeats.board.page_models import Explain
from heartbeats.board.view_models import Tone
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from issues.readiness import readiness_of
from recovery.explain.run import Gate, RunToExplain, explain_run
from recovery.retries.promotion import ParkedRetry, RetriedIssue
from recovery.silence.level import SilenceFacts


def explained_run(run: Any, family: list[dict[str, Any]], *, now: datetime) -> Explain:  # noqa: ANN401
    """The panel of one run. At most two statements."""
    tone: Tone | None = "ok" if run.status == RunStatus.SUCCEEDED else "bad" if run.status in _FAILED else None
    return explain_panel(explain_run(run_to_explain(run, family), now=now), tone=tone)


def run_to_explain(run: Any, family: list[dict[str, Any]]) -> RunToExplain:  # noqa: ANN401
    """The facts of one run that was read with its agent and issue. At most two statements."""
    issue = run.issue
    followed = [row["id"] for row in family if row["retry_of_run_id"] == run.pk]
    return RunToExplain(
        status=run.status,
        agent_name=run.agent.name,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        error_code=run.error_code,
        gate=_gate(run) if run.status == RunStatus.QUEUED else None,
        retry=_parked(run),
        retried_issue=RetriedIssue(issue.pk, issue.status, issue.assignee_agent_id) if issue else None,
        silence=_silence(run),
        followed_by=str(followed[-1])[-8:] if followed else None,
    )


_FAILED = (RunStatus.FAILED, RunStatus.TIMED_OUT)


def _silence(run: Any) -> SilenceFacts:  # noqa: ANN401 - an annotated HeartbeatRun
    return SilenceFacts(
        run.status,
        run.created_at,
        run.started_at,
        run.process_started_at,
        run.last_output_at,
        decision_of(run.decided),
    )


def _parked(run: HeartbeatRun) -> ParkedRetry | None:
    if run.scheduled_retry_at is None:
        return None
    return ParkedRetry(run.pk, run.agent_id, run.scheduled_retry_at, run.scheduled_retry_attempt, run.retry_reason)


def _gate(run: Any) -> Gate | None:  # noqa: ANN401
    """What keeps a queued run from being claimed: a pause, a blocker, or a full agent."""
    ready = readiness_of(run.company_id, [run.issue_id]).get(run.issue_id) if run.issue_id else None
    if ready and ready.hold:
        return Gate("pause_hold", "A pause hold is on its issue or above it.")
    if ready and ready.blockers:
        names = ", ".join(blocker["identifier"] for blocker in ready.blockers)
        return Gate("blocked", f"Its issue is blocked by {names}.")
    taken = HeartbeatRun.objects.filter(agent_id=run.agent_id).occupying().count()
    slots = run.agent.max_concurrent_runs
    if taken < slots:
        return None
    return Gate("slots_full", f"It waits for a free slot of {run.agent.name}: {taken} of {slots} are taken.")
