"""The skills of a company: texts that runs are handed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from agents.access import require_company_write
from agents.admin.base import CompanyAdmin, actor_of
from agents.models import Company, Skill
from agents.skills import store_skill
from config.common.admin import cells
from config.common.admin.filters import scoped
from config.common.admin.making import AddedByVerb, Made
from config.common.clock import utc_now


class SkillForm(forms.Form):
    """One skill."""

    company = forms.ModelChoiceField(Company.objects.none())
    key = forms.SlugField(max_length=64)
    name = forms.CharField(max_length=200, required=False)
    description = forms.CharField(max_length=1000, required=False)
    body = forms.CharField(widget=forms.Textarea(attrs={"rows": 16}), strip=False, label="Text (Markdown)")


@admin.register(Skill)
class SkillPage(AddedByVerb, CompanyAdmin):
    """What runs can be taught. An issue or a comment enables one with a link to `skill://` and its id."""

    make_form = SkillForm
    make_says = "A key that exists gets this text. Runs that start from now on see it."
    related = ("company",)
    list_display = (
        "key",
        "name",
        cells.line("description"),
        cells.when("updated_at", title="changed", order="updated_at"),
        cells.related("company"),
    )
    list_filter = (scoped("company"),)
    search_fields = ("key", "name")

    def make(self, request: HttpRequest, given: Mapping[str, Any]) -> Made:
        """Store it."""
        company: Company = given["company"]
        require_company_write(actor_of(request), company.pk)
        texts = {name: given[name] for name in ("name", "description", "body")}
        return Made(store_skill(company.pk, given["key"], **texts, now=utc_now()))
