"""Commenting on, assigning, moving and waking for an issue."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from config.board.actions.answer import deed, require_may_act
from config.board.actions.waking import wake
from config.board.callers import Caller
from config.board.forms import assignee_columns
from config.board.queries.issue import issue_named
from config.board.words.reasons import known, plain
from config.common.wire.errors import Unprocessable
from issues.commenting import add_comment
from issues.models import Issue
from issues.speech_rules import Wishes
from issues.updating import Edit, update_issue
from issues.vocabulary import IssueStatus

LONGEST = 20_000


def _mine(caller: Caller, identifier: str) -> tuple[Issue, Caller]:
    issue = issue_named(identifier)
    there = caller.within(issue.company_id)
    require_may_act(there)
    return issue, there


@deed
def comment_on_issue(request: HttpRequest, caller: Caller, identifier: str) -> str:
    """Store a comment; it wakes the agent that owns the issue, and may reopen it."""
    issue, there = _mine(caller, identifier)
    body = request.POST.get("body", "").strip()
    if not body:
        raise Unprocessable("A comment needs words")
    if len(body) > LONGEST:
        raise Unprocessable(f"A comment may have {LONGEST:,} characters")
    done = add_comment(there.actor(), issue.pk, body, Wishes(), now=there.now)
    return "Your comment is added and the issue is to do again." if done.reopened_from else "Your comment is added."


@deed
def assign_issue(request: HttpRequest, caller: Caller, identifier: str) -> str:
    """Give the issue to an agent, to a person, or to nobody. A new owner has it to do, not in the backlog."""
    issue, there = _mine(caller, identifier)
    owners: dict[str, Any] = {"assignee_agent_id": None, "assignee_user_id": None}
    chosen = assignee_columns(request.POST.get("assignee", ""))
    if not chosen.keys() <= owners.keys():
        raise Unprocessable("Choose an agent or a person of this company")
    columns = {**owners, **chosen}
    if chosen and issue.status == IssueStatus.BACKLOG:
        columns["status"] = IssueStatus.TODO
    update_issue(there.actor(), issue.pk, Edit(columns=columns), now=there.now)
    return f"{issue.identifier} has a new owner." if chosen else f"{issue.identifier} is owned by nobody now."


@deed
def set_issue_status(request: HttpRequest, caller: Caller, identifier: str) -> str:
    """Move the issue to another status."""
    issue, there = _mine(caller, identifier)
    wanted = known(IssueStatus, request.POST.get("status"))
    if wanted is None:
        raise Unprocessable("Choose a status")
    update_issue(there.actor(), issue.pk, Edit(columns={"status": wanted}), now=there.now)
    return f"{issue.identifier} is {plain(wanted)} now."


@deed
def wake_for_issue(_request: HttpRequest, caller: Caller, identifier: str) -> str:
    """Wake the agent that owns the issue."""
    issue, there = _mine(caller, identifier)
    if issue.assignee_agent is None:
        raise Unprocessable("No agent owns this issue")
    return wake(there, issue.assignee_agent, issue_id=issue.pk)
