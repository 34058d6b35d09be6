"""`/approvals`: what waits for the board (spec/4 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from agents import approvals
from agents.access import company_for
from agents.api.base import ActorView
from agents.api.describing import OBJECTS, answers
from agents.api.shapes.approvals import (
    ApprovalCommentBody,
    ApprovalCommentShape,
    ApprovalDecisionBody,
    ApprovalShape,
    NewApprovalBody,
    ResubmitBody,
)
from agents.approval_issues import issues_of_approval
from agents.models import Approval, ApprovalComment
from config.common.wire.camel import opaque
from config.common.wire.pages import list_response, read_page


class CompanyApprovals(ActorView):
    """The approvals of a company."""

    @answers(ApprovalShape, many=True)
    def get(self, request: Request, company_id: str) -> Response:
        """Newest first, of one `status` if asked."""
        company = company_for(self.actor, company_id)
        rows = Approval.objects.filter(company=company).order_by("-created_at", "-id")
        wanted = request.query_params.get("status")
        if wanted:
            rows = rows.filter(status__in=[word.strip() for word in wanted.split(",")])
        return list_response(request, read_page(request).cut(rows), lambda cut: ApprovalShape(cut, many=True).data)

    @answers(ApprovalShape, body=NewApprovalBody, status=201)
    def post(self, _request: Request, company_id: str) -> Response:
        """Ask the board."""
        company = company_for(self.actor, company_id, write=True)
        fields = self.body(NewApprovalBody)

        def ask() -> Response:
            approval = approvals.request_approval(self.actor, company.id, fields, now=self.now)
            return Response(ApprovalShape(approval).data, status=201)

        return self.once(company.id, ask)


class ApprovalDetail(ActorView):
    """One approval."""

    @answers(ApprovalShape)
    def get(self, _request: Request, ref: str) -> Response:
        """The approval."""
        return Response(ApprovalShape(approvals.approval_for(self.actor, ref)).data)


class ApprovalIssues(ActorView):
    """The issues that an approval is about."""

    @answers(OBJECTS)
    def get(self, _request: Request, ref: str) -> Response:
        """As `issues` writes them."""
        approval = approvals.approval_for(self.actor, ref)
        return Response(opaque(issues_of_approval(approval.company_id, approval.id)))


class Decide(ActorView):
    """One way to decide."""

    verb: ClassVar[Callable[..., approvals.Decision]]

    @answers(ApprovalShape, body=ApprovalDecisionBody)
    def post(self, _request: Request, ref: str) -> Response:
        """Decide, and answer with the approval as it is then."""
        self.board_only()
        approval = approvals.approval_for(self.actor, ref, write=True)
        note: Any = self.body(ApprovalDecisionBody)["decision_note"]
        decision = type(self).verb(self.actor, str(approval.id), note, now=self.now)
        return Response(ApprovalShape(decision.approval).data)


class Approve(Decide):
    """`POST /approvals/:id/approve`."""

    verb = staticmethod(approvals.approve)


class Reject(Decide):
    """`POST /approvals/:id/reject`."""

    verb = staticmethod(approvals.reject)


class RequestRevision(Decide):
    """`POST /approvals/:id/request-revision`."""

    verb = staticmethod(approvals.request_revision)


class Resubmit(ActorView):
    """`POST /approvals/:id/resubmit`."""

    @answers(ApprovalShape, body=ResubmitBody)
    def post(self, _request: Request, ref: str) -> Response:
        """Ask again."""
        approval = approvals.approval_for(self.actor, ref, write=True)
        payload = self.body(ResubmitBody)["payload"]
        return Response(ApprovalShape(approvals.resubmit(self.actor, str(approval.id), payload, now=self.now)).data)


class ApprovalComments(ActorView):
    """What was said about an approval."""

    @answers(ApprovalCommentShape, many=True)
    def get(self, request: Request, ref: str) -> Response:
        """Oldest first."""
        approval = approvals.approval_for(self.actor, ref)
        rows = ApprovalComment.objects.filter(approval=approval).order_by("created_at", "id")
        return list_response(
            request, read_page(request).cut(rows), lambda cut: ApprovalCommentShape(cut, many=True).data
        )

    @answers(ApprovalCommentShape, body=ApprovalCommentBody, status=201)
    def post(self, _request: Request, ref: str) -> Response:
        """Say something."""
        approval = approvals.approval_for(self.actor, ref, write=True)
        body = self.body(ApprovalCommentBody)["body"]

        def say() -> Response:
            comment = approvals.comment(self.actor, str(approval.id), body)
            return Response(ApprovalCommentShape(comment).data, status=201)

        return self.once(approval.company_id, say)
