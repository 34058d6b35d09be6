"""`/issues/:id/approvals` (spec/4 section 4)."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ActorView
from agents.api.describing import OK, answers
from agents.api.shapes.approvals import ApprovalShape
from config.common.wire.serializers import WireSerializer
from config.common.wire.views import path_uuid
from issues.access import issue_for
from issues.approval_links import approvals_of, link_approval, unlink_approval
from issues.models import Issue


class ApprovalLinkBody(WireSerializer):
    """POST a link."""

    approval_id = serializers.UUIDField()


class IssueApprovals(ActorView):
    """The approvals of an issue."""

    @answers(ApprovalShape, many=True)
    def get(self, _request: Request, ref: str) -> Response:
        """Newest first."""
        return Response(_bodies(issue_for(self.actor, ref)))

    @answers(ApprovalShape, body=ApprovalLinkBody, status=201, many=True)
    def post(self, _request: Request, ref: str) -> Response:
        """Link one (201); answers with all of them."""
        issue = issue_for(self.actor, ref, write=True)
        approval_id = self.body(ApprovalLinkBody)["approval_id"]
        link_approval(self.actor, issue.pk, approval_id, now=self.now)
        return Response(_bodies(issue), status=201)


class IssueApprovalDetail(ActorView):
    """One link."""

    @answers(OK)
    def delete(self, _request: Request, ref: str, approval_id: str) -> Response:
        """Unlink it."""
        unlink_approval(self.actor, ref, path_uuid(approval_id, "Approval"), now=self.now)
        return Response({"ok": True})


def _bodies(issue: Issue) -> list[object]:
    return list(ApprovalShape(approvals_of(issue), many=True).data)
