"""Retries that wait for their time and runs that have fallen silent, as rows that a person can act on. Pure."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse

from config.board.words.reasons import after_words
from heartbeats.board.view_models import Action, AgentRef, IssueRef, NeedsRow, RunningRow
from heartbeats.board.wording import duration_words
from heartbeats.models import HeartbeatRun
from recovery.retries.ladder import MAX_ATTEMPTS


def retry_need(run: HeartbeatRun, agent: AgentRef, issue: IssueRef | None, *, now: datetime, may_act: bool) -> NeedsRow:
    """A parked retry: when it is due, which attempt it is, and a button that does not wait."""
    assert run.scheduled_retry_at is not None
    due = run.scheduled_retry_at
    attempt = f", attempt {run.scheduled_retry_attempt} of {MAX_ATTEMPTS}" if run.scheduled_retry_attempt else ""
    left = duration_words(max((due - now).total_seconds(), 0))
    after = after_words(run.retry_reason)
    return NeedsRow(
        id=str(run.pk),
        kind="parked_retry",
        what=f"{agent.name} tries again in {left}{attempt}" if due > now else f"Due: the next sweep queues it{attempt}",
        since=run.created_at,
        why=(f"It was started again by itself after {after}." if after else "It was started again by itself.",),
        action=Action("Retry now", reverse("act_on_run", args=[run.pk, "again"])) if may_act else None,
        issue=issue,
        agent=agent,
        run_id=run.pk,
    )


def silent_need(row: RunningRow, *, now: datetime, may_act: bool) -> NeedsRow:
    """A run that has said nothing for an hour or more; who has looked at it snoozes the alarm."""
    said = duration_words((now - row.silent_since).total_seconds())
    snoozed = row.snoozed_until is not None
    place = f"It runs on {row.host}." if row.host else ""
    quiet = "Somebody has looked at it: the alarm is off for now." if snoozed else ""
    snooze = Action("Snooze 30 m", reverse("let_run_go_on", args=[row.run_id]))
    return NeedsRow(
        id=str(row.run_id),
        kind="silent_run",
        what=f"{row.agent.name} has said nothing for {said}",
        since=row.silent_since,
        why=tuple(line for line in (place, quiet) if line),
        action=snooze if may_act and not snoozed else None,
        issue=row.issue,
        agent=row.agent,
        run_id=row.run_id,
    )
