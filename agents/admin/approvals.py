"""Questions that wait for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from agents import approvals
from agents.admin.base import CompanyAdmin, actor_of
from agents.approvals import Decision
from agents.models import Approval, ApprovalComment
from agents.vocabulary import ApprovalStatus
from config.common.admin import cells
from config.common.admin.deeds import Deed
from config.common.admin.filters import choice, scoped, since
from config.common.clock import utc_now


class NoteForm(forms.Form):
    """Why."""

    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}), label="Note")


def _decide(verb: Any) -> Any:  # noqa: ANN401 - a Deed's `do`
    def do(request: HttpRequest, approval: Approval, given: Mapping[str, Any]) -> bool:
        decision: Decision = verb(actor_of(request), str(approval.pk), given["note"] or None, now=utc_now())
        return decision.won

    return do


def _decided(approval: Approval) -> str | None:
    return None if approval.status in approvals.OPEN else f"already {approval.status}"


def _not_pending(approval: Approval) -> str | None:
    return None if approval.status == ApprovalStatus.PENDING else f"already {approval.status.replace('_', ' ')}"


@admin.register(Approval)
class ApprovalPage(CompanyAdmin):
    """Approvals: decide them."""

    related = ("requested_by_agent", "requested_by_user", "decided_by_user", "company")
    list_display = (
        "type",
        cells.status("status", order="status"),
        cells.related("requested_by_agent", title="asked by agent"),
        cells.related("requested_by_user", title="asked by person"),
        cells.when("created_at", title="asked", order="created_at"),
        cells.when("decided_at", title="decided", order="decided_at"),
        cells.related("decided_by_user", title="decided by"),
        cells.related("company"),
    )
    list_filter = (choice("status"), choice("type"), since("created_at", "asked"), scoped("company"))
    search_ids = ("id", "requested_by_agent_id")
    questions = (("Waits", "status__exact=pending"), ("Sent back", "status__exact=revision_requested"))
    sections = (
        (None, ("type", "status", "requested_by_agent", "requested_by_user", "created_at")),
        ("Asked for", ("payload",)),
        ("Decision", ("decided_at", "decided_by_user", "decision_note")),
    )
    deeds = (
        Deed(
            name="approve",
            title="Approve",
            done="approved",
            says="Approves what was asked: a hire starts to work, and whoever asked is woken.",
            do=_decide(approvals.approve),
            refuse=_decided,
            form=NoteForm,
        ),
        Deed(
            name="reject",
            title="Reject",
            done="rejected",
            says="Refuses what was asked. A hire that waits is terminated. Whoever asked is woken.",
            do=_decide(approvals.reject),
            refuse=_decided,
            form=NoteForm,
            danger=True,
        ),
        Deed(
            name="send_back",
            title="Send back",
            done="sent back",
            says="Asks for a revision: whoever asked may change the request and ask again.",
            do=_decide(approvals.request_revision),
            refuse=_not_pending,
            form=NoteForm,
        ),
    )


@admin.register(ApprovalComment)
class ApprovalCommentPage(CompanyAdmin):
    """What was said about approvals."""

    related = ("approval", "author_agent", "author_user", "company")
    list_display = (
        cells.line("body", most=80),
        cells.related("approval"),
        cells.related("author_agent", title="agent"),
        cells.related("author_user", title="person"),
        cells.when("created_at", title="when", order="created_at"),
        cells.related("company"),
    )
    list_filter = (since("created_at"), scoped("company"))
    search_ids = ("id", "approval_id")
