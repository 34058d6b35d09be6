"""One issue as its page shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.urls import reverse

from agents.models import ActivityEvent, User
from agents.vocabulary import ActorType
from config.board.callers import Caller
from config.board.forms import owner_choices
from config.board.queries.blockers import blocker_graph
from config.board.queries.explaining import explained_issue
from config.board.queries.run_lines import run_lines
from config.board.refusals import NotThere
from config.board.words.activity import did_words
from heartbeats.board.issue_page import ActivityEntry, Choice, CommentEntry, IssuePage
from heartbeats.board.status_faces import face
from heartbeats.board.view_models import Action, AgentRef, IssueRef
from heartbeats.models import HeartbeatRun
from issues.models import Issue, IssueComment
from issues.vocabulary import IssueStatus

RUNS, COMMENTS, ACTIVITY = 20, 100, 40


def issue_named(identifier: str) -> Issue:
    """The issue with its owner and project. Raises NotThere. One statement."""
    rows = Issue.objects.select_related("assignee_agent", "assignee_user", "project")
    issue = rows.filter(identifier=identifier.upper(), hidden_at__isnull=True).first()
    if issue is None:
        raise NotThere
    return issue


def issue_view(issue: Issue, caller: Caller) -> IssuePage:
    """The whole page of an issue that `issue_named` read. Ten statements at most."""
    before, after = blocker_graph(issue.company_id, issue.pk)
    agent, person, may_act = issue.assignee_agent, issue.assignee_user, caller.may_act
    return IssuePage(
        issue=IssueRef(issue.identifier, issue.title, issue.status),
        status=issue.status,
        priority=issue.priority,
        explain=explained_issue(issue, now=caller.now),
        assignee=AgentRef(agent.pk, agent.name) if agent else None,
        assignee_user=person.get_username() if person else "",
        description=issue.description or "",
        created_at=issue.created_at,
        project=issue.project.name if issue.project else "",
        actions=_actions(issue) if may_act else (),
        blocked_by=before,
        blocks=after,
        runs=run_lines(HeartbeatRun.objects.filter(issue=issue), RUNS, of_issue=True),
        comments=_comments(issue),
        activity=_activity(issue),
        comment_url=reverse("comment_on_issue", args=[issue.identifier]) if may_act else "",
        assign_url=reverse("assign_issue", args=[issue.identifier]) if may_act else "",
        assignees=_assignees(issue, caller) if may_act else (),
        status_url=reverse("set_issue_status", args=[issue.identifier]) if may_act else "",
        statuses=_statuses(issue) if may_act else (),
    )


def _actions(issue: Issue) -> tuple[Action, ...]:
    agent = issue.assignee_agent
    if agent is None or issue.status in (IssueStatus.DONE, IssueStatus.CANCELLED):
        return ()
    return (Action(f"Wake {agent.name}", reverse("wake_for_issue", args=[issue.identifier]), look="primary"),)


def _statuses(issue: Issue) -> tuple[Choice, ...]:
    return tuple(Choice(str(s), face("issue", s).word, s == issue.status) for s in IssueStatus)


def _assignees(issue: Issue, caller: Caller) -> tuple[Choice, ...]:
    now = f"agent:{issue.assignee_agent_id}" if issue.assignee_agent_id else f"user:{issue.assignee_user_id}"
    known = [("", "Nobody"), *owner_choices(caller)]
    return tuple(Choice(value, label, value == now) for value, label in known)


def _comments(issue: Issue) -> tuple[CommentEntry, ...]:
    rows = IssueComment.objects.filter(issue=issue).select_related("author_agent", "author_user")
    newest = list(rows.order_by("-created_at", "-id")[:COMMENTS])
    return tuple(map(_comment, reversed(newest)))


def _comment(comment: IssueComment) -> CommentEntry:
    agent, person = comment.author_agent, comment.author_user
    author = agent.name if agent else person.get_username() if person else "Everbeat"
    return CommentEntry(
        comment.pk, author, comment.created_at, comment.body, agent is not None, comment.created_by_run_id
    )


def _activity(issue: Issue) -> tuple[ActivityEntry, ...]:
    columns = ("id", "created_at", "actor_type", "actor_id", "action", "details", "run_id", "agent__name")
    rows = list(ActivityEvent.objects.filter(issue=issue).order_by("-created_at").values(*columns)[:ACTIVITY])
    people = _names(row["actor_id"] for row in rows if row["actor_type"] == ActorType.USER)
    return tuple(_entry(row, people) for row in rows)


def _entry(row: dict[str, Any], people: dict[str, str]) -> ActivityEntry:
    named = row["agent__name"] if row["actor_type"] == ActorType.AGENT else people.get(row["actor_id"])
    did = did_words(row["action"], row["details"])
    return ActivityEntry(row["id"], row["created_at"], named or "Everbeat", did, row["run_id"])


def _names(ids: Iterable[str]) -> dict[str, str]:
    """The names of people by id; no statement for nobody."""
    wanted = {ref for ref in map(_uuid, ids) if ref}
    if not wanted:
        return {}
    return {str(pk): name for pk, name in User.objects.filter(pk__in=wanted).values_list("pk", "username")}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
