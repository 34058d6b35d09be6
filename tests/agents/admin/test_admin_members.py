"""People, their places, and companies in the admin."""

from __future__ import annotations

import pytest
from django.test import Client

from agents.models import ActivityEvent, Company, Member, User
from agents.vocabulary import CompanyStatus, MemberRole
from tests.config.admin.admin_site import add_to, confirm, page_of, said
from tests.factories.agents import CompanyFactory, MemberFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def test_a_person_joins_a_company_and_it_is_logged(site: Client) -> None:
    company, person = CompanyFactory(), UserFactory(username="ada")
    response = site.post(add_to(Member), {"company": company.pk, "username": "ada", "role": "viewer"})
    assert said(response) == [f"ada in {company.name} was added."]
    assert Member.objects.get().user == person
    assert ActivityEvent.objects.get().action == "member.added"


@pytest.mark.parametrize("username", ["nobody", "ada"])
def test_unknown_people_and_second_places_are_refused(site: Client, username: str) -> None:
    place = MemberFactory(user=UserFactory(username="ada"))
    page = site.post(add_to(Member), {"company": place.company_id, "username": username, "role": "member"})
    assert page.status_code == 200
    assert Member.objects.count() == 1


def test_a_company_keeps_its_last_owner(site: Client) -> None:
    owner = MemberFactory(role=MemberRole.OWNER)
    refused = "1 skipped because “A company keeps at least one owner”."
    assert confirm(site, "remove", owner) == [f"none removed, {refused}"]
    assert confirm(site, "change_role", owner, role="viewer") == [f"none changed, {refused}"]
    MemberFactory(company=owner.company, role=MemberRole.OWNER)
    assert confirm(site, "remove", owner) == ["1 removed."]
    assert confirm(site, "readmit", owner) == ["1 readmitted."]


def test_members_do_not_make_themselves_owners(client: Client) -> None:
    place = MemberFactory(role=MemberRole.ADMIN, user=UserFactory(is_staff=True))
    client.force_login(place.user)
    done = confirm(client, "change_role", place, role="owner")
    assert done == ["none changed, 1 skipped because “Only owners make or change owners”."]
    Member.objects.filter(pk=place.pk).update(role=MemberRole.MEMBER)
    done = confirm(client, "change_role", place, role="admin")
    assert done == ["none changed, 1 skipped because “Only owners and admins manage members”."]


def test_a_company_is_founded_renamed_and_paused_through_verbs(site: Client) -> None:
    site.post(add_to(Company), {"name": "Forge Works", "description": ""})
    company = Company.objects.get()
    assert company.issue_prefix == "FOR"
    form = {"name": "Forge", "description": "", "brand_color": "", "budget_monthly_cents": "5000"}
    assert site.post(page_of(company), form).status_code == 302
    assert confirm(site, "pause", company) == ["1 paused."]
    company.refresh_from_db()
    assert (company.name, company.budget_monthly_cents) == ("Forge", 5000)
    assert company.status == CompanyStatus.PAUSED
    assert ActivityEvent.objects.filter(action="company.updated").count() == 2


def test_changing_a_person_writes_the_changed_columns_only(site: Client) -> None:
    person = UserFactory(username="ada", email="old@example.org")
    form = {"username": "ada", "email": "new@example.org", "first_name": "", "last_name": "", "is_active": "on"}
    assert site.post(page_of(person), form).status_code == 302
    assert User.objects.get(pk=person.pk).email == "new@example.org"
