"""Taking an issue and giving it back: checkout, release, force-release (spec/4 section 4)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.actors import Actor, system
from config.common.wire.errors import Conflict, Forbidden, NotFound, Unprocessable
from issues import announcements as news
from issues.access import locked, locked_issue_for, require_run, with_runs
from issues.assigning import assignable_agent
from issues.checkout_rules import CheckoutFacts, CheckoutRuling, judge_checkout
from issues.lifecycle import CLEARED_LOCKS, change_issue
from issues.models import Issue, Project
from issues.ownership import CHECKED_OUT, NOT_OWNER, authorise_mutation, lock_details
from issues.readiness import readiness_of
from issues.run_binding import Standing, bind, standing_of, wait_for_end
from issues.runs import lives
from issues.trail import issue_row, record, text_id
from issues.vocabulary import IssueStatus

HARNESS = system("heartbeat")

CONFLICT = "Issue checkout conflict"
ONLY_ITSELF = "Agent can only checkout as itself"
PROJECT_PAUSED = "Project is paused"
HELD_BY_PAUSE = "Issue is held by an active subtree pause hold"
BLOCKED = "Issue is blocked by unresolved blockers"


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """The issue as it is now; `changed` is False when the caller's run held it already."""

    issue: Issue
    changed: bool


def checkout_issue(
    actor: Actor, ref: UUID | str, *, agent_id: UUID, expected: Collection[str], now: datetime
) -> CheckedOut:
    """Check an issue out for an agent. 401 without a run, 403 for another agent, 409 and 422 as in spec/4.

    Locks the agent when its run has no issue yet (which then is this one), and the issue. Announces the checkout, so
    that an agent whose own run did not do it is woken (W9). A run at work on another issue gets 409: no end of it
    would free this one.
    """
    with transaction.atomic():
        wait_for_end(actor)
        issue = locked_issue_for(actor, ref)
        if actor.is_agent and actor.agent_id != agent_id:
            raise Forbidden(ONLY_ITSELF)
        require_run(actor)
        return _checkout(actor, issue, agent_id, actor.run_id if actor.is_agent else None, expected, now)


def checkout_for_run(
    issue_id: UUID, *, agent_id: UUID, run_id: UUID, expected: Collection[str], now: datetime
) -> CheckedOut:
    """The harness checks an issue out for the run that it is about to start (spec/2 D); errors as `checkout_issue`.

    Logged as the system's: it is no deed of the agent, so it is neither evidence of work nor an action (spec/3 K.6).
    """
    with transaction.atomic():
        issue = locked().filter(id=issue_id).first()
        if issue is None:
            raise NotFound.of("Issue")
        return _checkout(HARNESS, with_runs(issue), agent_id, run_id, expected, now)


def _checkout(
    actor: Actor, issue: Issue, agent_id: UUID, run_id: UUID | None, expected: Collection[str], now: datetime
) -> CheckedOut:
    assignable_agent(issue.company_id, agent_id)
    caller = standing_of(issue, run_id)
    ruling = judge_checkout(_facts(issue, caller), agent_id=agent_id, run_id=run_id, expected=expected)
    if ruling is CheckoutRuling.CONFLICT:
        raise Conflict(CONFLICT, details=_conflict(issue, caller, run_id, now))
    if ruling is CheckoutRuling.HELD:
        return CheckedOut(issue, changed=False)
    _require_workable(issue)
    columns = {
        "assignee_agent_id": agent_id,
        "status": IssueStatus.IN_PROGRESS,
        "checkout_run_id": run_id,
        "execution_run_id": run_id,
        "execution_locked_at": now if run_id else None,
    }
    change_issue(issue, columns, now=now)
    if run_id is not None and not caller.bound:
        bind(issue, run_id)
    row = issue_row(actor, issue, "issue.checked_out", {"agentId": str(agent_id), "runId": text_id(run_id)})
    row.run_id = run_id
    record(issue, row)
    _announce(actor, issue, agent_id, by_its_own_run=run_id is not None, now=now)
    return CheckedOut(issue, changed=True)


def _facts(issue: Issue, caller: Standing) -> CheckoutFacts:
    return CheckoutFacts(
        status=issue.status,
        assignee_agent_id=issue.assignee_agent_id,
        assignee_user_id=issue.assignee_user_id,
        checkout_run_id=issue.checkout_run_id if lives(issue.checkout_run) else None,
        execution_run_id=issue.execution_run_id if lives(issue.execution_run) else None,
        caller_may_hold=caller.lives and caller.elsewhere is None and caller.rival is None,
    )


def _conflict(issue: Issue, caller: Standing, run_id: UUID | None, now: datetime) -> dict[str, Any]:
    """Who holds the issue, and what the caller's run holds instead."""
    details = lock_details(issue, now=now, rival=caller.rival)
    if caller.elsewhere is None:
        return details
    elsewhere = Issue.objects.filter(pk=caller.elsewhere).values_list("identifier", flat=True).first()
    actor_run = {"runId": text_id(run_id), "issueId": text_id(caller.elsewhere), "identifier": elsewhere}
    return {**details, "actorRun": actor_run}


def _require_workable(issue: Issue) -> None:
    """409 in a paused project or under a pause hold, 422 with unresolved blockers."""
    paused = issue.project_id and Project.objects.filter(id=issue.project_id, paused_at__isnull=False).exists()
    if paused:
        raise Conflict(PROJECT_PAUSED, details={"projectId": str(issue.project_id)})
    ready = readiness_of(issue.company_id, [issue.pk])[issue.pk]
    if ready.hold:
        raise Conflict(HELD_BY_PAUSE, details=ready.hold)
    if ready.blockers:
        raise Unprocessable(BLOCKED, details={"unresolvedBlockerIssueIds": [row["id"] for row in ready.blockers]})


def _announce(actor: Actor, issue: Issue, agent_id: UUID, *, by_its_own_run: bool, now: datetime) -> None:
    checked_out = news.IssueCheckedOut(
        issue=news.facts_of(issue), agent_id=agent_id, by_its_own_run=by_its_own_run, actor=actor, now=now
    )
    news.tell(news.issue_checked_out, checked_out)


def release_issue(actor: Actor, ref: UUID | str, *, now: datetime) -> Issue:
    """Give an issue back: `todo`, no assignee, no locks, from any status. Locks the issue.

    An agent needs its run (401), may release only its own (409) and not what another live run of its holds (409).
    """
    with transaction.atomic():
        issue = locked_issue_for(actor, ref)
        require_run(actor)
        _require_releasable(actor, issue, now)
        authorise_mutation(actor, issue, now=now)
        columns = {"status": IssueStatus.TODO, "assignee_agent_id": None, "assignee_user_id": None, **CLEARED_LOCKS}
        before = change_issue(issue, columns, now=now)
        previous = {"status": str(before.get("status", issue.status))}
        record(issue, issue_row(actor, issue, "issue.released", {"_previous": previous}))
        news.tell(news.issue_released, news.IssueReleased(issue=news.facts_of(issue), actor=actor, now=now))
    return issue


def _require_releasable(actor: Actor, issue: Issue, now: datetime) -> None:
    if not actor.is_agent:
        return
    if issue.assignee_agent_id not in (None, actor.agent_id):
        raise Conflict(CHECKED_OUT, details=lock_details(issue, now=now))
    if lives(issue.checkout_run) and issue.checkout_run_id != actor.run_id:
        raise Conflict(NOT_OWNER, details=lock_details(issue, now=now))


@dataclass(frozen=True, slots=True)
class ForceReleased:
    """The issue without locks, and the runs that held it."""

    issue: Issue
    checkout_run_id: UUID | None
    execution_run_id: UUID | None


def force_release_issue(actor: Actor, ref: UUID | str, *, clear_assignee: bool, now: datetime) -> ForceReleased:
    """Clear an issue's locks (and its assignee when asked); its status stays. For people. Locks the issue."""
    with transaction.atomic():
        issue = locked_issue_for(actor, ref)
        before = ForceReleased(issue, issue.checkout_run_id, issue.execution_run_id)
        nobody = {"assignee_agent_id": None, "assignee_user_id": None}
        change_issue(issue, {**CLEARED_LOCKS, **(nobody if clear_assignee else {})}, now=now)
        details = {
            "previousCheckoutRunId": text_id(before.checkout_run_id),
            "previousExecutionRunId": text_id(before.execution_run_id),
            "clearAssignee": clear_assignee,
        }
        record(issue, issue_row(actor, issue, "issue.admin_force_release", details))
        news.tell(news.issue_released, news.IssueReleased(issue=news.facts_of(issue), actor=actor, now=now))
    return before
