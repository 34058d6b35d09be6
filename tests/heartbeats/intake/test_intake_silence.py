"""Silent agents and the runs that they leave behind, row by row (spec/1 G)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent
from agents.vocabulary import Presence
from heartbeats.intake.silence import (
    RemoteHold,
    left_runs,
    lose_remote_run,
    mark_silent,
    silent_agents,
    why_lost,
)
from heartbeats.models import HeartbeatRun
from tests.factories.heartbeats import running_run
from tests.factories.issues import assigned_to
from tests.heartbeats.intake.conftest import calling
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)

AFTER = timedelta(minutes=5)
NOW = timezone.now()
LONG_AGO, JUST_NOW = NOW - timedelta(minutes=6), NOW - timedelta(minutes=4)


@pytest.mark.parametrize("presence", ["online", "busy", "benchmarked", "error"])
def test_an_agent_unheard_of_for_five_minutes_goes_offline_audited_and_announced(presence: str) -> None:
    caller = calling(presence=presence, last_seen_at=LONG_AGO)
    assert mark_silent(caller.agent.id, silent_after=AFTER, now=NOW)
    assert caller.fresh().presence == Presence.OFFLINE
    assert caller.presence_changes() == [{"from": presence, "to": "offline", "reason": "silent"}]
    assert "agent.status" in caller.told_screens()


@pytest.mark.parametrize(
    "columns",
    [
        {"presence": Presence.ONLINE, "last_seen_at": JUST_NOW},
        {"presence": Presence.OFFLINE, "last_seen_at": LONG_AGO},
        {"presence": Presence.ONLINE, "last_seen_at": None},
    ],
)
def test_others_stay_as_they_are(columns: dict[str, Any]) -> None:
    caller = calling(**columns)
    assert not mark_silent(caller.agent.id, silent_after=AFTER, now=NOW)
    assert caller.presence_changes() == []


def test_an_agent_that_is_gone_is_nobodys_loss() -> None:
    caller = calling(last_seen_at=LONG_AGO)
    Agent.objects.filter(id=caller.agent.id).delete()
    assert not mark_silent(caller.agent.id, silent_after=AFTER, now=NOW)


def test_a_heartbeat_that_arrives_meanwhile_wins() -> None:
    caller = calling(presence=Presence.ONLINE, last_seen_at=LONG_AGO)
    assert caller.beat("online").status_code == 200
    assert not mark_silent(caller.agent.id, silent_after=AFTER, now=NOW)
    assert caller.fresh().presence == Presence.ONLINE


def test_a_heartbeat_and_the_sweep_at_once_leave_a_present_agent() -> None:
    caller = calling(presence=Presence.ONLINE, last_seen_at=LONG_AGO)
    race([lambda: caller.beat("online"), lambda: mark_silent(caller.agent.id, silent_after=AFTER, now=NOW)])
    assert caller.fresh().presence == Presence.ONLINE
    assert [change["to"] for change in caller.presence_changes()] in ([], ["offline", "online"])


def test_two_sweeps_at_once_do_it_once() -> None:
    caller = calling(presence=Presence.ONLINE, last_seen_at=LONG_AGO)
    won = race([lambda: mark_silent(caller.agent.id, silent_after=AFTER, now=NOW)] * 4)
    assert sorted(won) == [False, False, False, True]


@pytest.mark.parametrize(
    ("columns", "lease", "lost"),
    [
        ({"presence": Presence.ONLINE}, 60, False),
        ({"presence": Presence.ONLINE}, -1, True),
        ({"presence": Presence.OFFLINE}, 60, True),
        ({"presence": Presence.ERROR, "presence_changed_at": LONG_AGO}, 60, True),
        ({"presence": Presence.ERROR, "presence_changed_at": JUST_NOW}, 60, False),
    ],
)
def test_which_remote_runs_are_lost(columns: dict[str, Any], lease: int, lost: bool) -> None:
    caller = calling(**columns)
    lease_expires_at = timezone.now() + timedelta(seconds=lease)
    run = running_run(agent=caller.agent, issue=assigned_to(caller.agent), lease_expires_at=lease_expires_at)
    assert lose_remote_run(run.id, silent_after=AFTER, now=NOW).won is lost
    run.refresh_from_db()
    assert (run.status, run.error_code) == (("failed", "agent_lost") if lost else ("running", None))
    assert HeartbeatRun.objects.filter(retry_of_run=run).count() == (1 if lost else 0)


def test_local_runs_are_not_judged_by_their_agents_words() -> None:
    caller = calling(adapter_type="process", presence=Presence.OFFLINE)
    run = running_run(agent=caller.agent, lease_expires_at=timezone.now() - timedelta(hours=1))
    assert not lose_remote_run(run.id, silent_after=AFTER, now=NOW).won


def test_the_reasons_are_told_apart() -> None:
    alive = RemoteHold(NOW + timedelta(seconds=1), Presence.BUSY, None)
    assert why_lost(alive, silent_after=AFTER, now=NOW) is None
    reasons = {
        why_lost(RemoteHold(NOW - timedelta(seconds=1), Presence.BUSY, None), silent_after=AFTER, now=NOW),
        why_lost(RemoteHold(alive.lease_expires_at, Presence.OFFLINE, None), silent_after=AFTER, now=NOW),
        why_lost(RemoteHold(alive.lease_expires_at, Presence.ERROR, LONG_AGO), silent_after=AFTER, now=NOW),
    }
    assert len(reasons) == 3
    assert None not in reasons


def test_the_selections_hold_exactly_what_the_verbs_act_on() -> None:
    silent = calling(last_seen_at=LONG_AGO).agent
    calling(last_seen_at=JUST_NOW)
    calling(presence=Presence.OFFLINE, last_seen_at=LONG_AGO)
    assert silent_agents(silent_after=AFTER, now=NOW, limit=10) == [silent.id]
    assert silent_agents(silent_after=AFTER, now=NOW, limit=10, after=silent.id) == []
    offline = running_run(agent=calling(presence=Presence.OFFLINE).agent)
    errored = running_run(agent=calling(presence=Presence.ERROR, presence_changed_at=LONG_AGO).agent)
    running_run(agent=calling(presence=Presence.BUSY).agent)
    running_run(agent=calling(presence=Presence.OFFLINE, adapter_type="process").agent)
    assert left_runs(silent_after=AFTER, now=NOW, limit=10) == [offline.id, errored.id]
    assert left_runs(silent_after=AFTER, now=NOW, limit=10, after=offline.id) == [errored.id]
