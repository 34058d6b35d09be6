"""The forms of the board."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.db.models import Value

from agents.models import Agent, Member
from agents.vocabulary import AgentStatus
from config.board.callers import Caller
from config.board.words.reasons import plain
from issues.models import Project
from issues.vocabulary import IssueStatus, Priority

NOT_ASSIGNABLE = (AgentStatus.PENDING_APPROVAL, AgentStatus.TERMINATED)
MOST_CHOICES = 500


class SignInForm(AuthenticationForm):
    """Name and password, with the labels of the page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", "input")


class IssueForm(forms.Form):
    """A new issue. Its assignee is `agent:<id>`, `user:<id>` or nobody."""

    title = forms.CharField(max_length=1000, widget=forms.TextInput(attrs={"class": "input"}))
    description = forms.CharField(
        max_length=100_000,
        required=False,
        widget=forms.Textarea(attrs={"class": "input", "rows": 8}),
        help_text="The agent reads this. Markdown.",
    )
    assignee = forms.ChoiceField(required=False, widget=forms.Select(attrs={"class": "input"}))
    project = forms.ChoiceField(required=False, widget=forms.Select(attrs={"class": "input"}))
    priority = forms.ChoiceField(
        choices=[(p.value, p.value.capitalize()) for p in Priority],
        initial=Priority.MEDIUM.value,
        widget=forms.Select(attrs={"class": "input"}),
    )

    def __init__(self, caller: Caller, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        company_id = caller.company.id
        projects = Project.objects.filter(company_id=company_id, archived_at__isnull=True)
        names = [(str(pk), name) for pk, name in projects.order_by("name").values_list("pk", "name")[:MOST_CHOICES]]
        self._choose("project", [("", "None"), *names])
        self._choose("assignee", [("", "Nobody yet"), *owner_choices(caller)])

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def columns(self) -> dict[str, Any]:
        """The issue's columns. With an owner it is to do; without one it waits in the backlog."""
        data = self.cleaned_data
        chosen = assignee_columns(data["assignee"])
        return {
            "title": data["title"],
            "description": data["description"] or None,
            "priority": data["priority"],
            "status": IssueStatus.TODO if chosen else IssueStatus.BACKLOG,
            **({"project_id": data["project"]} if data["project"] else {}),
            **chosen,
        }


def owner_choices(caller: Caller) -> list[tuple[str, str]]:
    """Who may be given work: agents with their status, then the active members. One statement."""
    company_id = caller.company.id
    agents = Agent.objects.filter(company_id=company_id).exclude(status__in=NOT_ASSIGNABLE).order_by()
    people = Member.objects.filter(company_id=company_id, is_active=True).order_by()
    named = agents.annotate(kind=Value("agent")).values_list("kind", "pk", "name", "status")
    members = people.annotate(kind=Value("user")).values_list("kind", "user_id", "user__username", Value("person"))
    rows = named.union(members, all=True).order_by("kind", "name")[:MOST_CHOICES]
    return [(f"{kind}:{pk}", f"{name} · {plain(status)}") for kind, pk, name, status in rows]


def assignee_columns(chosen: str) -> dict[str, Any]:
    """`agent:<id>` or `user:<id>` as columns; nothing for nobody."""
    kind, _, ref = chosen.partition(":")
    return {f"assignee_{kind}_id": ref} if ref else {}
