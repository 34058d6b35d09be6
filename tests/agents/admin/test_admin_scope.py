"""Superusers see everything; staff sees and changes what its memberships say."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import reverse

from agents.admin.base import CompanyAdmin
from agents.models import Agent, BoardKey, Company, ErrorGroup, Member, User
from agents.vocabulary import MemberRole
from heartbeats.models import HeartbeatRun
from recovery.models import SweepState
from tests.config.admin.admin_rows import row_of
from tests.config.admin.admin_site import ask, confirm, list_of, page_of
from tests.factories.agents import AgentFactory, BoardKeyFactory, CompanyFactory, MemberFactory, UserFactory
from tests.factories.heartbeats import running_run

SCOPED = sorted(
    (model for model, page in admin.site._registry.items() if isinstance(page, CompanyAdmin)),
    key=lambda model: model._meta.label,
)
EVERY_SCOPED = pytest.mark.parametrize("model", SCOPED, ids=[model._meta.label for model in SCOPED])

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return CompanyFactory(name="Ours")


def site_of(client: Client, company: Company, role: MemberRole = MemberRole.OWNER, **place: Any) -> Client:
    person = UserFactory(is_staff=True)
    MemberFactory(company=company, user=person, role=role, **place)
    client.force_login(person)
    return client


@EVERY_SCOPED
def test_members_see_rows_of_their_companies_only(client: Client, company: Company, model: type[models.Model]) -> None:
    site = site_of(client, company)
    ours, theirs = row_of(model, company), row_of(model)
    shown = {row.pk for row in site.get(list_of(model)).context["cl"].result_list}
    assert ours.pk in shown
    assert theirs.pk not in shown
    assert site.get(page_of(ours)).status_code == 200
    assert site.get(page_of(theirs)).status_code == 302  # as if it did not exist


@EVERY_SCOPED
def test_filters_name_no_stranger(client: Client, company: Company, model: type[models.Model]) -> None:
    site = site_of(client, company)
    AgentFactory(name="Stranger of another house")
    row_of(model, company)
    assert "Stranger of another house" not in site.get(list_of(model)).content.decode()


def test_superusers_see_every_company(client: Client) -> None:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    agents = AgentFactory.create_batch(2)
    assert {row.pk for row in client.get(list_of(Agent)).context["cl"].result_list} == {a.pk for a in agents}


@pytest.mark.parametrize("model", [SweepState, User])
def test_what_belongs_to_the_installation_is_for_superusers(
    client: Client, company: Company, model: type[models.Model]
) -> None:
    assert site_of(client, company).get(list_of(model)).status_code == 403


def test_staff_without_a_place_sees_no_company_rows(client: Client) -> None:
    client.force_login(UserFactory(is_staff=True))
    assert client.get(list_of(Agent)).status_code == 403
    assert client.get(reverse("admin:index")).status_code == 200


def test_a_place_that_was_taken_away_shows_nothing(client: Client, company: Company) -> None:
    assert site_of(client, company, is_active=False).get(list_of(Agent)).status_code == 403


def test_a_stranger_s_row_cannot_be_acted_on_by_guessing_its_id(client: Client, company: Company) -> None:
    site, run = site_of(client, company), running_run()
    response = ask(site, "cancel", run, confirmed="yes")
    assert response.status_code in {200, 302}
    run.refresh_from_db()
    assert run.status == "running"


def test_viewers_read_and_change_nothing(client: Client, company: Company) -> None:
    site = site_of(client, company, MemberRole.VIEWER)
    run = running_run(agent=AgentFactory(company=company))
    assert "because viewers only read" in ask(site, "cancel", run).content.decode()
    assert confirm(site, "cancel", run) == ["none cancelled, 1 skipped because viewers only read."]
    assert ">Cancel…<" not in site.get(page_of(run)).content.decode()
    assert HeartbeatRun.objects.get().status == "running"


def test_members_act_in_their_company(client: Client, company: Company) -> None:
    site = site_of(client, company, MemberRole.MEMBER)
    group = row_of(ErrorGroup, company)
    assert confirm(site, "acknowledge", group) == ["1 acknowledged."]


def test_people_see_their_own_board_keys_only(client: Client, company: Company) -> None:
    site = site_of(client, company)
    person = Member.objects.get().user
    mine, other = BoardKeyFactory(user=person), BoardKeyFactory()
    assert [row.pk for row in site.get(list_of(BoardKey)).context["cl"].result_list] == [mine.pk]
    assert confirm(site, "revoke", mine) == ["1 revoked."]
    ask(site, "revoke", other, confirmed="yes")
    other.refresh_from_db()
    assert other.revoked_at is None


def test_the_first_page_counts_the_rows_of_one_s_own_company(client: Client, company: Company) -> None:
    site = site_of(client, company)
    row_of(ErrorGroup, company)
    row_of(ErrorGroup)
    answers = dict(site.get(reverse("admin:index")).context["groups"])["Needs somebody"]
    counts = {answer.title: answer.count for answer in answers}
    assert counts["Error groups, open"] == "1"
    assert "Poison rows" not in counts
