"""Answers that only read: the inbox of an agent, its heartbeat context, the activity of an issue."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.activity import ACTIVITY
from agents.api.activity import COLUMNS as ACTIVITY_COLUMNS
from agents.api.base import ActorView
from agents.api.describing import PAGE, answers
from agents.api.permissions import IsAgent
from agents.models import ActivityEvent
from config.common.wire.camel import Opaque, OpaqueList, wire_rows
from config.common.wire.errors import BadRequest
from config.common.wire.pages import list_response, read_page
from config.common.wire.views import UUID_FORM, path_uuid
from issues.access import issue_for
from issues.api import described
from issues.api.shapes import issue_bodies
from issues.heartbeat_context import heartbeat_context
from issues.inbox import inbox_lite, inbox_of_person
from issues.listing import show_heads, statuses

ACTIVITY_ROWS = 500


class InboxLite(ActorView):
    """`/agents/me/inbox-lite`."""

    permission_classes = (IsAgent,)

    @answers(described.INBOX_ROW, many=True)
    def get(self, _request: Request) -> Response:
        """The caller's todo, in_progress and blocked issues."""
        return Response(OpaqueList(inbox_lite(self.actor)))


class InboxMine(ActorView):
    """`/agents/me/inbox/mine`."""

    permission_classes = (IsAgent,)

    @answers(described.ISSUE_ROW, named=("userId", "status", *PAGE), many=True)
    def get(self, request: Request) -> Response:
        """What a person of the caller's company has to do with, by `userId`."""
        user_id = request.query_params.get("userId") or ""
        if not UUID_FORM.fullmatch(user_id):
            raise BadRequest("userId is required")
        (company_id,) = self.actor.company_ids
        wanted = statuses(request.query_params.get("status") or "")
        rows = inbox_of_person(company_id, path_uuid(user_id, "User"), wanted)
        cut = read_page(request, default=ACTIVITY_ROWS).cut(rows)
        return list_response(request, cut, lambda found: OpaqueList(issue_bodies(show_heads(list(found)), {})))


class HeartbeatContext(ActorView):
    """`/issues/:id/heartbeat-context`."""

    @answers(described.CONTEXT, named=("wakeCommentId",))
    def get(self, request: Request, ref: str) -> Response:
        """Everything an agent needs at the start; `?wakeCommentId=` adds that comment."""
        issue = issue_for(self.actor, ref)
        named = request.query_params.get("wakeCommentId") or ""
        comment_id = path_uuid(named, "Comment") if UUID_FORM.fullmatch(named) else None
        return Response(Opaque(heartbeat_context(issue, wake_comment_id=comment_id)))


class IssueActivity(ActorView):
    """`/issues/:id/activity`."""

    @answers(ACTIVITY, named=PAGE, many=True)
    def get(self, request: Request, ref: str) -> Response:
        """Newest first."""
        issue = issue_for(self.actor, ref)
        rows = ActivityEvent.objects.filter(company_id=issue.company_id, issue_id=issue.pk)
        rows = rows.order_by("-created_at", "-id")
        cut = read_page(request, default=ACTIVITY_ROWS).cut(rows.values_list(*ACTIVITY_COLUMNS))
        return list_response(request, cut, lambda found: wire_rows(found, ACTIVITY_COLUMNS))
