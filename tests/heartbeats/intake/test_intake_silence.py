"""The sweep for silent agents against heartbeats that arrive meanwhile (spec/1 G)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.vocabulary import Presence
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import run_sweep
from recovery.vocabulary import SweepName
from tests.heartbeats.intake.conftest import calling
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)

SWEEP = sweep_named(SweepName.SILENT_AGENTS)


def test_an_agent_that_sent_a_heartbeat_is_not_silent() -> None:
    caller = calling(last_seen_at=timezone.now() - timedelta(minutes=6))
    assert caller.beat("online").status_code == 200
    assert run_sweep(SWEEP).counts == {}
    assert caller.fresh().presence == Presence.ONLINE


def test_an_agent_that_the_sweep_called_silent_is_back_with_its_next_heartbeat() -> None:
    caller = calling(last_seen_at=timezone.now() - timedelta(minutes=6))
    assert run_sweep(SWEEP).counts == {"offline": 1}
    caller.beat("online")
    assert [(change["from"], change["to"]) for change in caller.presence_changes()] == [
        ("online", "offline"),
        ("offline", "online"),
    ]


@pytest.mark.parametrize("_again", range(4))
def test_a_heartbeat_and_the_sweep_at_once_leave_a_present_agent(_again: int) -> None:
    caller = calling(last_seen_at=timezone.now() - timedelta(minutes=6))
    answer, _ = race([lambda: caller.beat("online").status_code, lambda: run_sweep(SWEEP).counts])
    assert answer == 200
    assert caller.fresh().presence == Presence.ONLINE
    assert [change["to"] for change in caller.presence_changes()] in ([], ["offline", "online"])
