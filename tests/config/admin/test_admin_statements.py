"""Every list costs the same whatever it shows, and every page opens (UI.md, Admin; STYLE 13)."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import reverse

from agents.models import User
from config.common.admin.base import SystemAdmin
from tests.config.admin.admin_rows import row_of, rows_of
from tests.factories.agents import CompanyFactory, UserFactory
from tests.statements import counted

MOST_STATEMENTS = 14
ROWS = 50
OURS = ("agents", "issues", "heartbeats", "recovery")
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
EVERY_MODEL = pytest.mark.parametrize("model", MODELS, ids=[model._meta.label for model in MODELS])

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> User:
    return UserFactory(is_staff=True, is_superuser=True)


@pytest.fixture
def site(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def page_of(model: type[models.Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_every_model_of_the_four_apps_has_a_page() -> None:
    ours = {model for app in OURS for model in apps.get_app_config(app).get_models()}
    assert ours - set(admin.site._registry) == set()


@EVERY_MODEL
def test_every_page_starts_from_the_read_only_base(model: type[models.Model]) -> None:
    assert isinstance(admin.site._registry[model], SystemAdmin)


@EVERY_MODEL
def test_fifty_rows_cost_no_more_than_one(site: Client, model: type[models.Model]) -> None:
    CompanyFactory.create_batch(2)  # with several companies the company column and filter are there too
    rows_of(model, ROWS)
    with counted() as statements:
        response = site.get(page_of(model, "changelist"))
    assert response.status_code == 200
    shown = len(response.context["cl"].result_list)
    assert shown == min(ROWS, model._default_manager.count())
    assert len(statements) <= MOST_STATEMENTS, statements.report()


@EVERY_MODEL
def test_every_detail_page_opens(site: Client, model: type[models.Model]) -> None:
    row = rows_of(model, 1)[0]
    with counted() as statements:
        response = site.get(page_of(model, "change", row.pk))
    assert response.status_code == 200, response
    assert len(statements) <= 2 * MOST_STATEMENTS, statements.report()


@EVERY_MODEL
def test_every_question_and_filter_answers(site: Client, model: type[models.Model]) -> None:
    row_of(model) if not issubclass(model, _FEW) else rows_of(model, 1)
    page = admin.site._registry[model]
    assert isinstance(page, SystemAdmin)
    for _, query in page.questions:
        response = site.get(f"{page_of(model, 'changelist')}?{query}")
        assert response.status_code == 200, query  # an unknown lookup would redirect to ?e=1
    response = site.get(page_of(model, "changelist"))
    for spec in response.context["cl"].filter_specs:
        for choice in _choices(spec, response.context["cl"]):
            answered = site.get(page_of(model, "changelist") + choice)
            assert answered.status_code == 200, choice


@EVERY_MODEL
def test_every_search_answers(site: Client, model: type[models.Model]) -> None:
    for term in ("ABC-12", "0198f3c2-0000-7000-8000-000000000000", "nobody's words", "\x00", "%_'"):
        assert site.get(page_of(model, "changelist"), {"q": term}).status_code == 200, term


@EVERY_MODEL
def test_nothing_is_deleted_here(site: Client, model: type[models.Model]) -> None:
    row = rows_of(model, 1)[0]
    assert site.post(page_of(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in site.get(page_of(model, "changelist")).content.decode()


def test_the_first_page_stays_under_fifteen_statements(site: Client) -> None:
    with counted() as statements:
        response = site.get(reverse("admin:index"))
    assert response.status_code == 200
    assert len(statements) <= MOST_STATEMENTS, statements.report()


def _choices(spec: Any, changes: Any) -> list[str]:
    found = []
    for choice in spec.choices(changes):
        if "query_string" in choice:
            found.append(choice["query_string"])
        else:
            field = next(iter(choice["form"].fields.items()))
            found += [f"?{field[0]}={value}" for value, _ in field[1].choices if value][:30]
    return found


_FEW = tuple(model for model in MODELS if model._meta.label in {"recovery.SweepState", "recovery.RecoverySettings"})
