"""What a person does to a run, and its line in the activity log: both or neither (spec/1 I)."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from agents.actors import Actor, ActorSource
from agents.models import ActivityEvent
from agents.vocabulary import AgentStatus
from heartbeats.models import HeartbeatRun
from heartbeats.runs import operating
from heartbeats.runs.operating import cancel_run_for, retry_run, run_parked_retry_now
from heartbeats.vocabulary import RunStatus
from tests.factories.agents import AgentFactory, UserFactory
from tests.factories.heartbeats import finished_run, parked_retry, running_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Actor:
    """A person who may do everything."""
    return Actor(source=ActorSource.SESSION, user_id=UserFactory(is_superuser=True).id, is_instance_admin=True)


def logged() -> list[tuple[str, str]]:
    """What the activity log says was done, to which run."""
    return list(ActivityEvent.objects.order_by("created_at").values_list("action", "entity_id"))


def status_of(run_id: UUID) -> str:
    """As it is now."""
    return HeartbeatRun.objects.get(pk=run_id).status


def test_a_cancelled_run_is_logged_once_and_a_finished_one_not(operator: Actor) -> None:
    run = running_run()
    for won in (True, False):
        assert cancel_run_for(operator, run.pk, company_id=run.company_id, now=timezone.now()).won is won
    assert logged() == [("heartbeat.cancelled", str(run.pk))]


def test_a_parked_retry_is_queued_at_once_and_only_once(operator: Actor) -> None:
    run = parked_retry()
    assert run_parked_retry_now(operator, run.pk, company_id=run.company_id)
    assert not run_parked_retry_now(operator, run.pk, company_id=run.company_id)
    assert status_of(run.pk) == RunStatus.QUEUED
    assert logged() == [("heartbeat.invoked", str(run.pk))]


@pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.CANCELLED])
def test_what_is_not_parked_is_not_run_now(operator: Actor, status: RunStatus) -> None:
    run = finished_run(status)
    assert not run_parked_retry_now(operator, run.pk, company_id=run.company_id)
    assert status_of(run.pk) == status
    assert logged() == []


def test_a_run_of_another_company_is_not_there(operator: Actor) -> None:
    run = parked_retry()
    with pytest.raises(HeartbeatRun.DoesNotExist):
        run_parked_retry_now(operator, run.pk, company_id=uuid4())
    assert status_of(run.pk) == RunStatus.SCHEDULED_RETRY


def test_a_retry_that_a_gate_refuses_says_why_and_is_not_logged(operator: Actor) -> None:
    run = finished_run(RunStatus.FAILED, agent=AgentFactory(status=AgentStatus.PAUSED))
    again = retry_run(operator, run, now=timezone.now())
    assert again.run_id is None
    assert again.why_not
    assert logged() == []


def test_a_retry_names_the_run_that_serves_it(operator: Actor) -> None:
    run = finished_run(RunStatus.FAILED)
    again = retry_run(operator, run, now=timezone.now())
    assert again.run_id is not None
    assert status_of(again.run_id) == RunStatus.QUEUED
    assert logged() == [("heartbeat.invoked", str(run.pk))]


def test_what_cannot_be_logged_does_not_happen(operator: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last write of each transaction fails, as a full disk would make it."""

    def broken(*_rows: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(operating, "log_activity", broken)
    live, parked, failed = running_run(), parked_retry(), finished_run(RunStatus.FAILED)
    now = timezone.now()
    with pytest.raises(OSError, match="disk full"):
        cancel_run_for(operator, live.pk, company_id=live.company_id, now=now)
    with pytest.raises(OSError, match="disk full"):
        run_parked_retry_now(operator, parked.pk, company_id=parked.company_id)
    with pytest.raises(OSError, match="disk full"):
        retry_run(operator, failed, now=now)
    assert [status_of(run.pk) for run in (live, parked, failed)] == ["running", "scheduled_retry", "failed"]
    assert HeartbeatRun.objects.count() == 3
