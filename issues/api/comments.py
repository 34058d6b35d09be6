"""`/issues/:id/comments` (spec/4 section 4)."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ActorView
from agents.api.describing import PAGE, answers
from config.common.wire.camel import OpaqueList
from config.common.wire.errors import BadRequest
from config.common.wire.pages import list_response, read_page
from config.common.wire.views import path_uuid
from issues.access import issue_for
from issues.api import described
from issues.api.bodies import CommentBody, wishes_of
from issues.api.shapes import comment_body
from issues.commenting import add_comment, comment_of, withdraw_comment
from issues.models import Issue, IssueComment

MOST_ROWS = 500
ORDERS = {"asc": ("created_at", "id"), "desc": ("-created_at", "-id")}


class IssueComments(ActorView):
    """The thread of an issue."""

    @answers(described.COMMENT, named=("order", "after", "afterCommentId", *PAGE), many=True)
    def get(self, request: Request, ref: str) -> Response:
        """Newest first unless `order=asc`; `after` names the comment behind which the page begins, in that order."""
        issue = issue_for(self.actor, ref)
        order = request.query_params.get("order") or "desc"
        if order not in ORDERS:
            raise BadRequest("order must be asc or desc")
        after = request.query_params.get("after") or request.query_params.get("afterCommentId")
        rows = _after(issue, order, path_uuid(after, "Comment")) if after else issue.comments.all()
        cut = read_page(request, default=MOST_ROWS, most=MOST_ROWS).cut(rows.order_by(*ORDERS[order]))
        return list_response(request, cut, lambda found: OpaqueList(map(comment_body, found)))

    @answers(described.COMMENT, body=CommentBody, status=201)
    def post(self, _request: Request, ref: str) -> Response:
        """Speak (201); W5 to W7 follow after commit."""
        issue = issue_for(self.actor, ref, write=True)
        data = self.body(CommentBody)

        def speak() -> Response:
            said = add_comment(self.actor, issue.pk, data["body"], wishes_of(data), now=self.now)
            return Response(comment_body(said.comment), status=201)

        return self.once(issue.company_id, speak)


class IssueCommentDetail(ActorView):
    """One comment."""

    @answers(described.COMMENT)
    def get(self, _request: Request, ref: str, comment_id: str) -> Response:
        """The comment; 404 when it is another issue's."""
        issue = issue_for(self.actor, ref)
        return Response(comment_body(comment_of(issue, path_uuid(comment_id, "Comment"))))

    @answers(described.COMMENT)
    def delete(self, _request: Request, ref: str, comment_id: str) -> Response:
        """Withdraw it while it still waits behind the active run."""
        issue = issue_for(self.actor, ref, write=True)
        withdrawn = withdraw_comment(self.actor, issue.pk, path_uuid(comment_id, "Comment"), now=self.now)
        return Response(comment_body(withdrawn))


def _after(issue: Issue, order: str, comment_id: UUID) -> QuerySet[IssueComment]:
    """What follows the comment in this order. Compared in the database's own microseconds: nothing repeats."""
    cursor = comment_of(issue, comment_id)
    sense = "gt" if order == "asc" else "lt"
    later = Q(**{f"created_at__{sense}": cursor.created_at})
    same = Q(**{"created_at": cursor.created_at, f"id__{sense}": cursor.pk})
    return issue.comments.filter(later | same)
