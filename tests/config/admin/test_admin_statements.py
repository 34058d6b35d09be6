"""Every list costs the same whatever it shows, and every page opens (UI.md, Admin; STYLE 13)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import models
from django.test import Client, RequestFactory
from django.urls import reverse

from agents.models import User
from config.common.admin.base import SystemAdmin
from tests.config.admin.admin_rows import rows_of
from tests.factories.agents import CompanyFactory, UserFactory
from tests.statements import Statements, counted

MOST_STATEMENTS = 14
FEW, MANY, PAGE = 3, 12, 50
OURS = ("agents", "issues", "heartbeats", "recovery")
admin.autodiscover()  # as the routes do
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
def test_a_list_costs_the_same_for_four_times_the_rows(site: Client, model: type[models.Model]) -> None:
    CompanyFactory.create_batch(2)  # with several companies the company column and filter are there too
    rows_of(model, FEW)
    few = statements_of_list(site, model)
    rows_of(model, MANY - FEW)
    many = statements_of_list(site, model)
    assert len(many) <= len(few), many.report()
    assert len(many) <= MOST_STATEMENTS, many.report()


def statements_of_list(site: Client, model: type[models.Model]) -> Statements:
    """What the list sends when it is opened, and that it shows every row that fits."""
    with counted() as statements:
        response = site.get(page_of(model, "changelist"))
    assert response.status_code == 200
    assert len(response.context["cl"].result_list) == min(PAGE, model._default_manager.count())
    return statements


@EVERY_MODEL
def test_every_detail_page_opens(site: Client, model: type[models.Model]) -> None:
    row = rows_of(model, 1)[0]
    with counted() as statements:
        response = site.get(page_of(model, "change", row.pk))
    assert response.status_code == 200, response
    assert len(statements) <= 2 * MOST_STATEMENTS, statements.report()


@EVERY_MODEL
def test_every_question_filter_and_search_answers(operator: User, model: type[models.Model]) -> None:
    rows_of(model, 1)
    page = admin.site._registry[model]
    assert isinstance(page, SystemAdmin)
    for _, query in page.questions:
        listed(page, operator, query)
    plain = listed(page, operator, "")
    for spec in plain.filter_specs:
        for choice in _choices(spec, plain):
            listed(page, operator, choice.removeprefix("?"))
    for term in ("ABC-12", "0198f3c2-0000-7000-8000-000000000000", "nobody's words", "%_'"):
        listed(page, operator, urlencode({"q": term}))


def listed(page: SystemAdmin, person: User, query: str) -> Any:
    """The list for a query string, its rows fetched. Raises IncorrectLookupParameters where a lookup is unknown."""
    request = RequestFactory().get(f"/?{query}")
    request.user = person
    changes = page.get_changelist_instance(request)
    changes.get_results(request)
    list(changes.result_list)
    return changes


@EVERY_MODEL
def test_a_search_for_what_no_text_can_hold_answers(site: Client, model: type[models.Model]) -> None:
    assert site.get(page_of(model, "changelist"), {"q": "\x00"}).status_code == 200


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
