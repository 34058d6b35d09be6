"""Links that recovery writes into comments: `/ABC/issues/ABC-12` and `/ABC/agents/…/runs/…`, as in the API's world."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.views.decorators.http import require_safe


@require_safe
def issue_link(_request: HttpRequest, prefix: str, identifier: str) -> HttpResponseRedirect:  # noqa: ARG001
    """To the page of the issue."""
    return redirect("issue_page", identifier)


@require_safe
def run_link(_request: HttpRequest, prefix: str, agent_id: UUID, run_id: UUID) -> HttpResponseRedirect:  # noqa: ARG001
    """To the page of the run."""
    return redirect("run_page", run_id)
