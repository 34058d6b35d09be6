"""Driving the admin like a person: find a page, run an action, confirm it, read what it said."""

from __future__ import annotations

from typing import Any

from django.contrib.messages import get_messages
from django.db.models import Model
from django.test import Client
from django.urls import reverse

CHECKBOX = "_selected_action"


def list_of(model: type[Model]) -> str:
    """The address of a list."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def add_to(model: type[Model]) -> str:
    """The address of a form that adds."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")


def page_of(row: Model) -> str:
    """The address of one row."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def ask(site: Client, action: str, *rows: Any, **given: Any) -> Any:
    """The confirmation page."""
    return site.post(list_of(type(rows[0])), {"action": action, CHECKBOX: [str(row.pk) for row in rows], **given})


def confirm(site: Client, action: str, *rows: Any, **given: Any) -> list[str]:
    """Carry it out; returns the messages."""
    response = ask(site, action, *rows, confirmed="yes", **given)
    assert response.status_code == 302, response.content.decode()[:2000]
    return said(response)


def said(response: Any) -> list[str]:
    """The messages that this request left."""
    left: Any = get_messages(response.wsgi_request)
    return [str(message) for message in left._queued_messages]
