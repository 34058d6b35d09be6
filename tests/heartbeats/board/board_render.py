"""Renders the board's templates from sample view models: no database, no views."""

from __future__ import annotations

from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import set_urlconf

from tests.heartbeats.board import board_page_samples as pages
from tests.heartbeats.board import board_samples as samples

URLS = "tests.heartbeats.board.board_urls"
SECTIONS = ("status", "needs", "running", "waiting", "finished", "agents")


class IssueForm(forms.Form):
    """The fields of the new-issue page."""

    title = forms.CharField(max_length=500)
    description = forms.CharField(widget=forms.Textarea, required=False, help_text="The agent reads this. Markdown.")
    assignee = forms.ChoiceField(
        choices=[("", "Nobody yet"), *[(name, f"{name} · idle") for name in samples.NAMES]], required=False
    )
    priority = forms.ChoiceField(choices=[("medium", "Medium"), ("high", "High")])


class SignInForm(forms.Form):
    """Django's own has the same two fields."""

    username = forms.CharField()
    password = forms.CharField(widget=forms.PasswordInput)


def render(template: str, path: str = "/", **context: Any) -> str:
    """The template as an operator would get it; addresses resolve against `board_urls`."""
    set_urlconf(URLS)
    try:
        request = RequestFactory().get(path)
        everything = {"shell": samples.shell(), "now": samples.NOW, "request": request, **context}
        return render_to_string(template, everything, request)
    finally:
        set_urlconf(None)


def section(name: str, of: Any) -> str:
    """One section of the board alone, as a refetch gets it."""
    return render(f"board/sections/{name}.html", section=getattr(of, name))


def every_page() -> dict[str, str]:
    """Each page once, by the name that screenshots and messages give it."""
    bad_form = IssueForm({"title": "", "priority": "medium"})
    return {
        "board": render("board/board.html", page=samples.board(), nav="board"),
        "quiet": render("board/board.html", page=samples.quiet_board(), nav="board"),
        "run": render("board/pages/run.html", page=pages.run_page(log_size=1)),
        "ended": render("board/pages/run.html", page=pages.run_page(growing=False)),
        "issue": render("board/pages/issue.html", page=pages.issue_page()),
        "agent": render("board/pages/agent.html", page=pages.agent_page()),
        "new_issue": render("board/pages/new_issue.html", form=bad_form, nav="new_issue"),
        "recovery": render("board/pages/recovery.html", page=pages.recovery_page(), nav="recovery"),
        "message": render("board/pages/message.html", heading="Not found", sentence="No such run."),
        "login": render("registration/login.html", shell=None, form=SignInForm(), next="/"),
    }
