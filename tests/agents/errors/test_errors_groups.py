"""Error groups and what people say of them (spec/1 I)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.actors import Actor, ActorSource
from agents.credentials import user_actor
from agents.errors import (
    RecordedError,
    ReportedError,
    acknowledge_errors,
    ignore_errors,
    record_error,
    reopen_errors,
    resolve_errors,
)
from agents.models import ActivityEvent, Agent, AgentError, ErrorGroup, LiveEvent
from agents.vocabulary import ErrorSeverity, LiveEventType, MemberRole, TriageState
from config.common.wire.errors import Forbidden, NotFound
from tests.factories.agents import AgentFactory, MemberFactory

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def record(agent: Agent, message: str = "boom", severity: ErrorSeverity = ErrorSeverity.ERROR) -> RecordedError:
    """One more occurrence."""
    return record_error(
        ReportedError(severity, message), company_id=agent.company_id, agent_id=agent.id, source="test", now=NOW
    )


def operator(agent: Agent, role: MemberRole = MemberRole.OWNER) -> Actor:
    """Somebody of the agent's company."""
    return user_actor(MemberFactory(company=agent.company, role=role).user, ActorSource.SESSION)


def test_messages_that_differ_in_numbers_ids_and_paths_are_one_group() -> None:
    agent = AgentFactory()
    first = record(agent, "job 17 failed at /tmp/a/b.txt")
    second = record(agent, "job 18 failed at /tmp/c.txt")
    assert first.group_id == second.group_id
    assert second.occurrences == 2
    assert AgentError.objects.filter(group_id=first.group_id).count() == 2


def test_agent_severity_and_words_tell_groups_apart() -> None:
    agent = AgentFactory()
    others = AgentFactory(company=agent.company)
    groups = {
        record(agent).group_id,
        record(others).group_id,
        record(agent, severity=ErrorSeverity.FATAL).group_id,
        record(agent, "bang").group_id,
    }
    assert len(groups) == 4


def test_a_group_keeps_when_it_was_first_and_last_seen() -> None:
    agent = AgentFactory()
    error = ReportedError(ErrorSeverity.ERROR, "boom")
    for minutes in (5, 0, 9):
        now = NOW + timedelta(minutes=minutes)
        record_error(error, company_id=agent.company_id, agent_id=agent.id, source="test", now=now)
    group = ErrorGroup.objects.get(agent=agent)
    assert (group.first_seen_at, group.last_seen_at) == (NOW, NOW + timedelta(minutes=9))


def test_an_error_is_announced_with_its_group() -> None:
    recorded = record(AgentFactory())
    event = LiveEvent.objects.get(type=LiveEventType.AGENT_ERROR)
    assert (event.payload["errorId"], event.payload["groupId"]) == (str(recorded.error_id), str(recorded.group_id))


def test_a_new_occurrence_reopens_a_resolved_group() -> None:
    agent = AgentFactory()
    recorded = record(agent)
    resolve_errors(operator(agent), recorded.group_id, now=NOW)
    record(agent)
    group = ErrorGroup.objects.get(id=recorded.group_id)
    assert (group.state, group.state_changed_by_id) == (TriageState.OPEN, None)


@pytest.mark.parametrize("verb", [acknowledge_errors, ignore_errors])
def test_a_new_occurrence_leaves_an_acknowledged_and_an_ignored_group_as_it_is(verb: object) -> None:
    agent = AgentFactory()
    recorded = record(agent)
    triaged = verb(operator(agent), recorded.group_id, now=NOW)  # type: ignore[operator]
    record(agent)
    assert ErrorGroup.objects.get(id=recorded.group_id).state == triaged.group.state


def test_triage_says_by_whom_and_when_and_is_audited() -> None:
    agent = AgentFactory()
    actor = operator(agent)
    recorded = record(agent)
    triaged = acknowledge_errors(actor, recorded.group_id, now=NOW)
    assert triaged.won
    group = ErrorGroup.objects.get(id=recorded.group_id)
    assert (group.state, group.state_changed_by_id, group.state_changed_at) == ("acknowledged", actor.user_id, NOW)
    row = ActivityEvent.objects.get(action="agent.errors_triaged")
    assert (row.actor_id, row.details) == (
        str(actor.user_id),
        {"from": "open", "to": "acknowledged", "agentId": str(agent.id)},
    )


def test_repeating_a_decision_writes_nothing() -> None:
    agent = AgentFactory()
    recorded = record(agent)
    assert resolve_errors(operator(agent), recorded.group_id, now=NOW).won
    assert not resolve_errors(operator(agent), recorded.group_id, now=NOW).won
    assert not acknowledge_errors(operator(agent), recorded.group_id, now=NOW).won
    assert ActivityEvent.objects.filter(action="agent.errors_triaged").count() == 1


@pytest.mark.parametrize("verb", [acknowledge_errors, resolve_errors, ignore_errors])
def test_every_decision_can_be_taken_back(verb: object) -> None:
    agent = AgentFactory()
    recorded = record(agent)
    verb(operator(agent), recorded.group_id, now=NOW)  # type: ignore[operator]
    assert reopen_errors(operator(agent), recorded.group_id, now=NOW).won
    assert ErrorGroup.objects.get(id=recorded.group_id).state == TriageState.OPEN


def test_strangers_and_viewers_decide_nothing() -> None:
    agent = AgentFactory()
    recorded = record(agent)
    for actor in (operator(AgentFactory()), operator(agent, MemberRole.VIEWER)):
        with pytest.raises(Forbidden):
            resolve_errors(actor, recorded.group_id, now=NOW)
    with pytest.raises(NotFound):
        resolve_errors(operator(agent), "nothing", now=NOW)
