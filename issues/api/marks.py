"""`/issues/:id/read` and `/issues/:id/inbox-archive`: a person's own marks on an issue."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ActorView
from agents.api.describing import answers
from config.common.wire.serializers import WireSerializer
from issues.marking import archive, mark_read, mark_unread, unarchive
from issues.models import InboxMark


class ReadShape(WireSerializer):
    """Up to when a person has read an issue."""

    id = serializers.UUIDField()
    company_id = serializers.UUIDField()
    issue_id = serializers.UUIDField()
    user_id = serializers.UUIDField()
    last_read_at = serializers.ReadOnlyField(source="read_at")
    created_at = serializers.ReadOnlyField()
    updated_at = serializers.ReadOnlyField()


class ArchivedShape(WireSerializer):
    """Since when a person has put an issue away."""

    id = serializers.UUIDField()
    company_id = serializers.UUIDField()
    issue_id = serializers.UUIDField()
    user_id = serializers.UUIDField()
    archived_at = serializers.ReadOnlyField()
    created_at = serializers.ReadOnlyField()
    updated_at = serializers.ReadOnlyField()


class RemovedShape(WireSerializer):
    """Whether there was a mark to take back."""

    id = serializers.UUIDField()
    removed = serializers.BooleanField()


class IssueRead(ActorView):
    """Reading an issue; for people."""

    @answers(ReadShape)
    def post(self, _request: Request, ref: str) -> Response:
        """Everything said until now is read."""
        return Response(ReadShape(mark_read(self.board_only(), ref, now=self.now)).data)

    @answers(RemovedShape)
    def delete(self, _request: Request, ref: str) -> Response:
        """Nothing is read."""
        return Response({"id": ref, "removed": mark_unread(self.board_only(), ref)})


class IssueInboxArchive(ActorView):
    """Putting an issue away; for people."""

    @answers(ArchivedShape)
    def post(self, _request: Request, ref: str) -> Response:
        """Out of the caller's inbox until something happens on it."""
        mark: InboxMark = archive(self.board_only(), ref, now=self.now)
        return Response(ArchivedShape(mark).data)

    @answers(RemovedShape)
    def delete(self, _request: Request, ref: str) -> Response:
        """Back into the inbox."""
        return Response({"id": ref, "removed": unarchive(self.board_only(), ref)})
