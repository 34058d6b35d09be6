"""Money: limits, what was spent, and what was stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from agents.admin.base import CompanyAdmin, actor_of
from agents.budgets import incidents
from agents.models import Agent, BudgetIncident, BudgetPolicy, Company, CostEvent
from agents.vocabulary import BudgetScope, IncidentStatus
from config.common.admin import cells, links, words
from config.common.admin.deeds import Deed
from config.common.admin.filters import choice, scoped, since
from config.common.clock import utc_now


def _scope(row: Any) -> SafeString:  # noqa: ANN401 - a policy or an incident
    match row.scope_type:
        case BudgetScope.COMPANY:
            page = links.change_page(Company, row.scope_id)
        case BudgetScope.AGENT:
            page = links.change_page(Agent, row.scope_id)
        case _:
            page = links.address("admin:issues_project_change", row.scope_id)
    return links.anchor(page, f"{row.scope_type} {words.short_id(row.scope_id)}")


@admin.register(CostEvent)
class CostEventPage(CompanyAdmin):
    """Usage with its price."""

    related = ("agent", "issue", "company")
    list_display = (
        cells.when("occurred_at", title="when", order="occurred_at"),
        cells.number("cost_cents", words.money, title="cost"),
        cells.related("agent"),
        "model",
        cells.number("input_tokens", lambda n: f"{n:,}", title="in"),
        cells.number("output_tokens", lambda n: f"{n:,}", title="out"),
        cells.related("run"),
        cells.related("issue"),
        cells.related("company"),
    )
    list_filter = (since("occurred_at"), choice("billing_type"), scoped("agent"), scoped("company"))
    search_ids = ("id", "run_id", "agent_id")
    search_identifier = "issue__identifier"


@admin.register(BudgetPolicy)
class BudgetPolicyPage(CompanyAdmin):
    """Limits."""

    related = ("company",)
    list_display = (
        cells.number("amount", words.money, title="limit"),
        cells.cell("scope", _scope),
        "window_kind",
        cells.number("warn_percent", lambda n: f"{n} %", title="warns at"),
        cells.flag("hard_stop_enabled", title="stops", on="yes", off="no"),
        cells.flag("is_active", title="in force", on="on", off="off"),
        cells.related("company"),
    )
    list_filter = (choice("scope_type"), "is_active", scoped("company"))
    search_ids = ("id", "scope_id")


class KeepForm(forms.Form):
    """Why."""

    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}), label="Note")


class RaiseForm(KeepForm):
    """How far."""

    amount = forms.DecimalField(
        min_value=1, max_digits=12, decimal_places=2, label="New limit in dollars", help_text="Above what was spent."
    )
    field_order = ("amount", "note")


def _raise(request: HttpRequest, incident: BudgetIncident, given: Mapping[str, Any]) -> bool:
    cents = int(given["amount"] * 100)
    company, key = str(incident.company_id), str(incident.pk)
    incidents.raise_and_resume(actor_of(request), company, key, cents, given["note"] or None, now=utc_now())
    return True


def _keep(request: HttpRequest, incident: BudgetIncident, given: Mapping[str, Any]) -> bool:
    company, key = str(incident.company_id), str(incident.pk)
    incidents.keep_paused(actor_of(request), company, key, given["note"] or None, now=utc_now())
    return True


def _closed(incident: BudgetIncident) -> str | None:
    return None if incident.status == IncidentStatus.OPEN else f"already {incident.status}"


@admin.register(BudgetIncident)
class BudgetIncidentPage(CompanyAdmin):
    """Limits that were reached."""

    related = ("policy", "company")
    list_display = (
        cells.status("threshold_type", title="line", order="threshold_type"),
        cells.status("status", order="status"),
        cells.cell("scope", _scope),
        cells.number("amount_observed", words.money, title="spent"),
        cells.number("amount_limit", words.money, title="limit"),
        cells.when("created_at", title="since", order="created_at"),
        cells.when("resolved_at", title="resolved", order="resolved_at"),
        cells.related("company"),
    )
    list_filter = (choice("status"), choice("threshold_type"), choice("scope_type"), scoped("company"))
    search_ids = ("id", "scope_id", "policy_id")
    questions = (("Open", "status__exact=open"), ("Stopped", "status__exact=open&threshold_type__exact=hard"))
    deeds = (
        Deed(
            name="raise_and_resume",
            title="Raise the budget and resume",
            done="resolved",
            says="Sets the limit of each budget above what was spent and lets what it had stopped work again.",
            do=_raise,
            refuse=_closed,
            form=RaiseForm,
        ),
        Deed(
            name="keep_paused",
            title="Keep paused",
            done="dismissed",
            says="Closes the incident and leaves what it stopped paused until somebody raises the budget.",
            do=_keep,
            refuse=_closed,
            form=KeepForm,
        ),
    )
