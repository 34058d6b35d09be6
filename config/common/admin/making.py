"""Adding rows through a verb: a plain form, and a page that shows a token once where the verb gives one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from rest_framework.exceptions import APIException

from config.common.admin.base import SystemAdmin
from config.common.admin.links import change_page, list_page


@dataclass(frozen=True, slots=True)
class Made:
    """The new row, and its token if it has one: shown on this one answer and stored nowhere."""

    row: Any
    token: str | None = None


class AddedByVerb(SystemAdmin):
    """An admin whose rows are added with `make`. Choices offer what this person's own lists would show."""

    make_form: type[forms.Form]
    make_says = ""

    def make(self, request: HttpRequest, given: Mapping[str, Any]) -> Made:
        """Call the verb. What it refuses (an API error) is shown above the form."""
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who may view; the verb judges the rest."""
        return self.has_view_permission(request)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:  # noqa: ANN401, ARG002
        """The form, and what became of it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self.form_for(request)
        if request.method != "POST" or not form.is_valid():
            return self._page(request, "admin/everbeat/make.html", form=form)
        try:
            made = self.make(request, form.cleaned_data)
        except APIException as refused:
            form.add_error(None, str(getattr(refused, "text", None) or refused.detail))
            return self._page(request, "admin/everbeat/make.html", form=form)
        if made.token is not None:
            return self._page(request, "admin/everbeat/token.html", made=made, back=list_page(self.model))
        messages.success(request, f"{made.row} was added.")
        return HttpResponseRedirect(change_page(self.model, made.row.pk) or ".")

    def form_for(self, request: HttpRequest) -> forms.Form:
        """The form with its choices narrowed; GET parameters fill it in."""
        form = self.make_form(request.POST if request.method == "POST" else None, initial=request.GET.dict())
        for field in form.fields.values():
            if isinstance(field, ModelChoiceField) and field.queryset is not None:
                admin = self.admin_site._registry[field.queryset.model]
                field.queryset = admin.get_queryset(request).select_related(None)
        return form

    def _page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:  # noqa: ANN401
        shared = self.admin_site.each_context(request)
        title = f"Add {self.opts.verbose_name}"
        page = {**shared, "opts": self.opts, "title": title, "says": self.make_says, **context}
        return TemplateResponse(request, template, page, headers={"Cache-Control": "no-store"})
