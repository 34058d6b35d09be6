"""The form for a new issue: create it, and assign it in the same step."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from config.board.actions.answer import require_may_act
from config.board.callers import Caller, board_page
from config.board.forms import IssueForm
from config.board.rendering import page
from config.common.wire.errors import WireError
from issues.creating import NewIssue, create_issue


@require_http_methods(["GET", "HEAD", "POST"])
@board_page
def new_issue(request: HttpRequest, caller: Caller) -> HttpResponse:
    """The form; posted, the issue's page. What the verb refuses is said on the form."""
    require_may_act(caller)
    form = IssueForm(caller, request.POST or None, initial={"assignee": request.GET.get("assignee", "")})
    if request.method == "POST" and form.is_valid():
        try:
            issue = create_issue(caller.actor(), caller.company.id, NewIssue(columns=form.columns()), now=caller.now)
        except WireError as refusal:
            form.add_error(None, refusal.text)
        else:
            messages.success(request, f"{issue.identifier} is created.")
            return redirect("issue_page", issue.identifier)
    status = 422 if form.is_bound else 200
    return page(request, caller, "board/pages/new_issue.html", nav="new_issue", form=form, status=status)
