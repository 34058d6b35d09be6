"""Triage of error groups in the admin (spec/1 I, UI.md)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from agents.actors import ActorSource
from agents.credentials import user_actor
from agents.errors import ReportedError, record_error, resolve_errors
from agents.models import ActivityEvent, Agent, AgentError, ErrorGroup, User
from agents.vocabulary import ErrorSeverity, TriageState
from tests.config.admin.admin_site import ask, confirm, list_of, page_of
from tests.factories.agents import AgentFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> User:
    return UserFactory(is_staff=True, is_superuser=True)


@pytest.fixture
def site(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def group_of(agent: Agent, message: str = "Disk is full", severity: ErrorSeverity = ErrorSeverity.FATAL) -> ErrorGroup:
    error = ReportedError(severity, message, {"disk": {"free": 0}})
    recorded = record_error(error, company_id=agent.company_id, agent_id=agent.pk, source="errors", now=timezone.now())
    return ErrorGroup.objects.get(pk=recorded.group_id)


def test_the_confirmation_says_what_it_will_do_to_which_and_changes_nothing(site: Client) -> None:
    groups = [group_of(AgentFactory(), f"Disk of {name} is full") for name in ("anvil", "bellows")]
    page = ask(site, "acknowledge", *groups).content.decode()
    assert "Marks the group as seen" in page
    assert "Acknowledge: 2 error groups" in page
    assert "Disk of anvil is full" in page
    assert set(ErrorGroup.objects.values_list("state", flat=True)) == {TriageState.OPEN}


def test_what_cannot_be_done_is_named_before_and_after(site: Client) -> None:
    fresh, known = group_of(AgentFactory()), group_of(AgentFactory())
    confirm(site, "acknowledge", known)
    assert "because already acknowledged" in ask(site, "acknowledge", fresh, known).content.decode()
    assert confirm(site, "acknowledge", fresh, known) == ["1 acknowledged, 1 skipped because already acknowledged."]


@pytest.mark.parametrize(
    ("action", "state"), [("acknowledge", "acknowledged"), ("resolve", "resolved"), ("ignore", "ignored")]
)
def test_every_move_is_audited_with_who_did_it(site: Client, operator: User, action: str, state: str) -> None:
    group = group_of(AgentFactory())
    assert confirm(site, action, group) == [f"1 {state}."]
    group.refresh_from_db()
    assert (group.state, group.state_changed_by) == (state, operator)
    event = ActivityEvent.objects.get(action="agent.errors_triaged")
    assert (event.actor_id, event.entity_id) == (str(operator.pk), str(group.pk))


def test_reopening_takes_a_resolved_group_back(site: Client) -> None:
    group = group_of(AgentFactory())
    confirm(site, "resolve", group)
    assert confirm(site, "reopen", group) == ["1 reopened."]


def test_a_group_that_somebody_resolved_meanwhile_is_skipped_with_its_reason(site: Client) -> None:
    group = group_of(AgentFactory())
    assert "Acknowledge: 1 error group" in ask(site, "acknowledge", group).content.decode()
    owner = UserFactory(is_superuser=True)
    resolve_errors(user_actor(owner, ActorSource.SESSION), group.pk, now=timezone.now())
    assert confirm(site, "acknowledge", group) == ["none acknowledged, 1 skipped because already resolved."]


def test_the_context_is_readable_json(site: Client) -> None:
    group_of(AgentFactory())
    page = site.get(page_of(AgentError.objects.get())).content.decode()
    assert "&quot;disk&quot;: {\n    &quot;free&quot;: 0" in page


def test_a_page_offers_only_what_is_possible_now(site: Client) -> None:
    group = group_of(AgentFactory())
    confirm(site, "resolve", group)
    page = site.get(page_of(group)).content.decode()
    assert ">Reopen…<" in page
    assert ">Acknowledge…<" not in page


def test_the_list_answers_what_is_open_and_fatal_in_the_last_day(site: Client) -> None:
    old = group_of(AgentFactory(), "Old trouble")
    ErrorGroup.objects.filter(pk=old.pk).update(last_seen_at=timezone.now() - timedelta(hours=25))
    group_of(AgentFactory(), "Only a warning", ErrorSeverity.WARNING)
    group_of(AgentFactory(), "Fresh trouble")
    page = site.get(f"{list_of(ErrorGroup)}?state__exact=open&kind=fatal&since=24h").content.decode()
    assert "Fresh trouble" in page
    assert "Old trouble" not in page
    assert "Only a warning" not in page


def test_links_lead_to_the_agent_and_the_run(site: Client) -> None:
    group = group_of(AgentFactory(name="Anvil"))
    page = site.get(list_of(ErrorGroup)).content.decode()
    assert page_of(group.agent) in page
