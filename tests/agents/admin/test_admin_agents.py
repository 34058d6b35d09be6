"""The agent list and what operators do to agents (spec/1 I)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from agents.actors import Actor, ActorSource
from agents.models import ActivityEvent, Agent, AgentError
from agents.presence import clear_agent_error
from agents.vocabulary import AgentStatus, Presence
from tests.config.admin.admin_site import add_to, ask, confirm, list_of, page_of, said
from tests.factories.agents import AgentFactory, CompanyFactory, UserFactory
from tests.factories.heartbeats import HeartbeatRunFactory, running_run
from tests.statements import counted

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def error_of(agent: Agent, severity: str, hours_ago: int = 0) -> None:
    error = AgentError.objects.create(agent=agent, company=agent.company, severity=severity, message="no")
    AgentError.objects.filter(pk=error.pk).update(created_at=timezone.now() - timedelta(hours=hours_ago))


def text_of(site: Client, query: str = "") -> str:
    return site.get(list_of(Agent) + query).content.decode()


def test_the_badge_counts_a_day_of_errors_with_the_worst_severity_first(site: Client) -> None:
    agent = AgentFactory()
    for severity in ("fatal", "critical", "error", "warning"):
        error_of(agent, severity)
    error_of(agent, "fatal", hours_ago=25)
    page = text_of(site)
    assert "3 fatal" in page
    assert "and 1 warning" in page


def test_warnings_alone_are_a_milder_badge_and_nothing_is_none(site: Client) -> None:
    error_of(AgentFactory(), "warning")
    AgentFactory()
    page = text_of(site)
    assert "1 warning" in page
    assert "fatal</span>" not in page


def test_the_current_run_is_the_running_one_before_the_queued(site: Client) -> None:
    agent = AgentFactory()
    run = running_run(agent=agent)
    HeartbeatRunFactory(agent=agent)
    page = text_of(site)
    assert str(run.pk) in page


def test_the_list_is_one_statement_for_errors_and_runs_of_all_agents(site: Client) -> None:
    for _ in range(3):
        error_of(AgentFactory(), "fatal")
    with counted() as few:
        text_of(site)
    for _ in range(20):
        error_of(running_run().agent, "warning")
    with counted() as many:
        text_of(site)
    assert len(few) == len(many), many.report()


def test_an_agent_that_never_reported_is_not_called_offline(site: Client) -> None:
    agent = AgentFactory()
    assert "never seen" in text_of(site)
    assert "<span>Offline</span>" not in text_of(site)
    assert "never seen" in site.get(page_of(agent)).content.decode()
    Agent.objects.filter(pk=agent.pk).update(last_seen_at=timezone.now())
    assert "never seen" not in text_of(site)
    assert "<span>Offline</span>" in text_of(site)


def test_clearing_an_error_sets_the_presence_and_is_audited(site: Client) -> None:
    agent = AgentFactory(presence=Presence.ERROR, status=AgentStatus.ERROR)
    assert "Set presence to" in ask(site, "clear_error", agent).content.decode()
    assert confirm(site, "clear_error", agent, presence="online") == ["1 cleared."]
    agent.refresh_from_db()
    assert (agent.presence, agent.status) == (Presence.ONLINE, AgentStatus.IDLE)
    audited = ActivityEvent.objects.get(action="agent.presence_changed")
    assert audited.details == {"from": "error", "to": "online", "reason": "operator"}


def test_an_error_that_the_agent_cleared_itself_meanwhile_is_not_cleared_again() -> None:
    agent = AgentFactory(presence=Presence.BUSY)
    operator = Actor(source=ActorSource.SESSION, user_id=UserFactory(is_superuser=True).id, is_instance_admin=True)
    assert not clear_agent_error(operator, agent.pk, presence=Presence.OFFLINE, now=timezone.now())
    agent.refresh_from_db()
    assert agent.presence == Presence.BUSY
    assert not ActivityEvent.objects.exists()


def test_an_agent_that_still_runs_is_running_when_its_error_is_cleared(site: Client) -> None:
    agent = AgentFactory(presence=Presence.ERROR, status=AgentStatus.ERROR)
    running_run(agent=agent)
    confirm(site, "clear_error", agent, presence="online")
    agent.refresh_from_db()
    assert agent.status == AgentStatus.RUNNING


def test_a_form_without_its_answer_is_shown_again_and_changes_nothing(site: Client) -> None:
    agent = AgentFactory(presence=Presence.ERROR)
    page = ask(site, "clear_error", agent, confirmed="yes", presence="busy")
    assert page.status_code == 200
    agent.refresh_from_db()
    assert agent.presence == Presence.ERROR


def test_agents_without_error_are_skipped(site: Client) -> None:
    sick, well = AgentFactory(presence=Presence.ERROR), AgentFactory()
    done = confirm(site, "clear_error", sick, well, presence="offline")
    assert done == ["1 cleared, 1 skipped because not in error."]


def test_pausing_and_resuming_go_through_the_verbs(site: Client) -> None:
    agent, ended = AgentFactory(), AgentFactory(status=AgentStatus.TERMINATED)
    assert confirm(site, "pause", agent, ended) == ["1 paused, 1 skipped because terminated."]
    agent.refresh_from_db()
    assert (agent.status, agent.pause_reason) == (AgentStatus.PAUSED, "manual")
    assert confirm(site, "resume", agent) == ["1 resumed."]


def test_secrets_in_a_configuration_are_masked(site: Client) -> None:
    agent = AgentFactory(adapter_config={"command": "work", "env": {"API_TOKEN": "s3cr3t-value"}})
    page = site.get(page_of(agent)).content.decode()
    assert "s3cr3t-value" not in page
    assert "REDACTED" in page


def test_an_agent_is_hired_through_the_verb(site: Client) -> None:
    company = CompanyFactory()
    form = {"company": company.pk, "name": "Bellows", "role": "general", "adapter_type": "process"}
    response = site.post(add_to(Agent), {**form, "adapter_config": '{"command": "true"}', "runtime_config": "{}"})
    assert said(response) == ["Bellows was added."]
    assert ActivityEvent.objects.filter(action="agent.created").exists()


def test_what_the_verb_refuses_is_said_above_the_form(site: Client) -> None:
    form = {"company": CompanyFactory().pk, "name": "Bellows", "role": "general", "adapter_type": "process"}
    response = site.post(add_to(Agent), {**form, "adapter_config": '{"command": 7}', "runtime_config": "{}"})
    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()
    assert not Agent.objects.exists()
