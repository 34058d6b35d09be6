"""`/companies/:id/issues`, `/issues/:id` and its verbs (spec/4 section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from agents.access import company_for
from agents.api.base import ActorView
from agents.api.describing import PAGE, answers
from config.common.wire.camel import OpaqueList
from config.common.wire.pages import list_response, read_page
from issues.access import issue_for, shown
from issues.api import described
from issues.api.bodies import (
    CheckoutBody,
    IssueEditBody,
    NewChildBody,
    NewIssueBody,
    columns_of,
    wishes_of,
)
from issues.api.documents import documents_of
from issues.api.shapes import active_run_body, comment_body, issue_bodies, issue_body
from issues.api.work_products import work_products_of
from issues.attention import attention_of
from issues.checkout import checkout_issue, force_release_issue, release_issue
from issues.creating import NewIssue, create_child, create_issue
from issues.deleting import delete_issue, delete_tree
from issues.detail import detail_of
from issues.listing import LIST_FILTERS, listed, seen_by, show_heads, viewer
from issues.models import Issue
from issues.related import blockers_by_issue, mentioned_work, relations_of
from issues.runs import live_runs_of
from issues.updating import Edit, update_issue

DEFAULT_ROWS = 500


class CompanyIssues(ActorView):
    """The issues of a company."""

    @answers(described.ISSUE_ROW, named=(*LIST_FILTERS, *PAGE), many=True)
    def get(self, request: Request, company_id: str) -> Response:
        """Visible issues, newest change first, filtered as asked."""
        company = company_for(self.actor, company_id)
        asked = request.query_params.dict()
        rows = listed(company.pk, self.actor, cast("Mapping[str, str]", asked))
        cut = read_page(request, default=DEFAULT_ROWS).cut(rows)
        with_blockers = asked.get("includeBlockedBy") == "true"
        person = viewer(self.actor, cast("Mapping[str, str]", asked))
        return list_response(request, cut, lambda found: _rows(found, with_blockers=with_blockers, person=person))

    @answers(described.ISSUE_CREATED, body=NewIssueBody, status=201)
    def post(self, _request: Request, company_id: str) -> Response:
        """Create an issue (201); W1 follows after commit."""
        company = company_for(self.actor, company_id, write=True)
        data = self.body(NewIssueBody)
        return self.once(
            company.pk,
            lambda: Response(_created(create_issue(self.actor, company.pk, _new(data), now=self.now)), status=201),
        )


class IssueChildren(ActorView):
    """The parts of an issue."""

    @answers(described.ISSUE_CREATED, body=NewChildBody, status=201)
    def post(self, _request: Request, ref: str) -> Response:
        """Create a part of the issue (201)."""
        parent = issue_for(self.actor, ref, write=True)
        data = self.body(NewChildBody)
        return self.once(
            parent.company_id,
            lambda: Response(_created(create_child(self.actor, parent.pk, _new(data), now=self.now)), status=201),
        )


class IssueDetail(ActorView):
    """One issue."""

    @answers(described.ISSUE_DETAIL)
    def get(self, _request: Request, ref: str) -> Response:
        """The issue with everything that hangs on it."""
        issue = issue_for(self.actor, ref)
        return Response(issue_body(issue, {**detail_of(issue), **documents_of(issue), **work_products_of(issue)}))

    @answers(described.ISSUE_UPDATED, body=IssueEditBody)
    def patch(self, _request: Request, ref: str) -> Response:
        """Change it; W2 to W8 follow after commit."""
        issue = issue_for(self.actor, ref, write=True)
        data = self.body(IssueEditBody)
        edit = Edit(
            columns=columns_of(data),
            comment=data.get("comment"),
            wishes=wishes_of(data),
            blocked_by=data.get("blocked_by_issue_ids"),
            label_ids=data.get("label_ids"),
            review_request=data.get("review_request"),
        )
        updated = update_issue(self.actor, issue.pk, edit, now=self.now)
        more: dict[str, Any] = {"comment": comment_body(updated.comment) if updated.comment else None}
        if updated.blockers_changed:
            more |= relations_of(updated.issue)
        return Response(issue_body(_fresh(updated.issue), more))

    @answers(described.ISSUE, named=("tree",))
    def delete(self, request: Request, ref: str) -> Response:
        """Delete it; with `?tree=true` everything below it too. Answers with what it was."""
        issue = issue_for(self.actor, ref, write=True)
        body = issue_body(issue)
        delete = delete_tree if request.query_params.get("tree") == "true" else delete_issue
        delete(self.actor, issue.pk, now=self.now)
        return Response(body)


class IssueCheckout(ActorView):
    """Taking an issue."""

    @answers(described.ISSUE, body=CheckoutBody)
    def post(self, _request: Request, ref: str) -> Response:
        """Check it out for an agent; W9 follows after commit."""
        issue = issue_for(self.actor, ref, write=True)
        data = self.body(CheckoutBody)
        taken = checkout_issue(
            self.actor, issue.pk, agent_id=data["agent_id"], expected=data["expected_statuses"], now=self.now
        )
        return Response(issue_body(_fresh(taken.issue)))


class IssueRelease(ActorView):
    """Giving an issue back."""

    @answers(described.ISSUE)
    def post(self, _request: Request, ref: str) -> Response:
        """`todo`, nobody's, unlocked."""
        return Response(issue_body(_fresh(release_issue(self.actor, ref, now=self.now))))


class IssueForceRelease(ActorView):
    """Unlocking an issue by hand."""

    @answers(described.FORCE_RELEASED, named=("clearAssignee",))
    def post(self, request: Request, ref: str) -> Response:
        """Clear the locks, and with `?clearAssignee=true` the assignee."""
        clear = request.query_params.get("clearAssignee") == "true"
        actor = self.board_only()
        released = force_release_issue(actor, ref, clear_assignee=clear, now=self.now)
        previous = {"checkout_run_id": released.checkout_run_id, "execution_run_id": released.execution_run_id}
        return Response({"issue": issue_body(_fresh(released.issue)), "previous": previous})


def _new(data: Mapping[str, Any]) -> NewIssue:
    return NewIssue(
        columns=columns_of(data),
        blocked_by=data.get("blocked_by_issue_ids", ()),
        label_ids=data.get("label_ids", ()),
        acceptance_criteria=data.get("acceptance_criteria", ()),
        blocks_parent=data.get("block_parent_until_done", False),
    )


def _created(issue: Issue) -> dict[str, Any]:
    return issue_body(_fresh(issue), mentioned_work(issue))


def _fresh(issue: Issue) -> Issue:
    return shown().get(pk=issue.pk)


def _rows(issues: Sequence[Issue], *, with_blockers: bool, person: UUID | None) -> OpaqueList:
    found = show_heads(list(issues))
    ids = [issue.pk for issue in found]
    active = live_runs_of(found[0].company_id, ids) if found else {}
    more: dict[UUID, dict[str, Any]] = {
        issue_id: {"activeRun": active_run_body(active.get(issue_id))} for issue_id in ids
    }
    for issue_id, attention in (attention_of(found[0].company_id, found) if found else {}).items():
        more[issue_id]["blockerAttention"] = attention
    for issue_id, seen in (seen_by(person, ids) if person and ids else {}).items():
        more[issue_id] |= seen
    if with_blockers:
        for issue_id, blockers in blockers_by_issue(ids).items():
            more[issue_id]["blockedBy"] = blockers
    return OpaqueList(issue_bodies(found, more))
