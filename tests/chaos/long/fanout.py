"""A fan-out that fails in one place and dies in another (spec/6 row 27)."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone

from agents.models import Agent
from config.trial.client import Client
from heartbeats.models import HeartbeatRun, WakeupRequest
from issues.models import Issue
from issues.vocabulary import IssueStatus
from recovery.models import PoisonRow
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, run_sweep
from recovery.vocabulary import SweepName
from tests.chaos.fault import Seen
from tests.chaos.holding import held
from tests.chaos.world import World
from tests.factories.agents import AgentFactory, BoardKeyFactory, MemberFactory
from tests.factories.issues import IssueFactory, IssueRelationFactory, assigned_to
from tests.processes import free_port
from tests.racing import somebody_waits_for_a_lock
from tests.waiting import wait_for

WAITING, BAD, LAST = 100, 37, 60
ANNOUNCED_LONG_AGO = timedelta(minutes=1)


def a_fan_out_is_killed(world: World) -> Seen:
    """100 issues wait for one; when it is done the 37th wake fails and the API dies at the 60th."""
    member = MemberFactory()
    blocker = IssueFactory(company=member.company, status=IssueStatus.IN_PROGRESS, assignee_user=member.user)
    waiting = _waiting_for(blocker)
    with _no_wake_for(waiting[BAD - 1].pk):
        with held(Issue.objects.filter(pk=waiting[LAST - 1].pk)):
            _close_and_kill(world, Client("", BoardKeyFactory(user=member.user).token), blocker)
        woken = set(WakeupRequest.objects.values_list("issue_id", flat=True))
        assert woken == {issue.pk for issue in waiting[: LAST - 1]} - {waiting[BAD - 1].pk}
        began = time.monotonic()
        first, second = _reconcile(blocker), _reconcile(blocker)
        took = time.monotonic() - began
        assert (first.results.acted, first.results.errors) == (WAITING - LAST + 1, 1), first.as_dict()
        assert (second.results.acted, second.results.errors) == (0, 0), second.as_dict()
        assert second.results.skipped["poison"] > 0
        parked = PoisonRow.objects.get()
        assert (parked.row_id, parked.failures) == (waiting[BAD - 1].pk, 1)
        assert "no wake for this one" in parked.error
    PoisonRow.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    assert _reconcile(blocker).results.acted == 1
    asked = list(WakeupRequest.objects.values_list("issue_id", flat=True))
    assert sorted(asked) == sorted(issue.pk for issue in waiting), "an issue was woken twice or never"
    assert HeartbeatRun.objects.count() == WAITING
    return Seen(
        f"{len(woken)} of {WAITING} woken before the kill; one pass woke the other {first.results.acted}, parked the "
        f"{BAD}th with its reason, and woke it once it was mended; nobody was woken twice",
        took,
    )


def _waiting_for(blocker: Issue) -> list[Issue]:
    waiting = []
    for _number in range(WAITING):
        agent: Agent = AgentFactory(company=blocker.company)
        waiting.append(assigned_to(agent, status=IssueStatus.TODO))
        IssueRelationFactory(blocked=waiting[-1], blocker=blocker)
    return waiting


def _close_and_kill(world: World, client: Client, blocker: Issue) -> None:
    """The operator closes the blocker; the API dies while the fan-out is at the row that somebody holds."""
    port = free_port()
    api = world.machine.api(port)
    client = Client(f"http://127.0.0.1:{port}", client.key)

    def close() -> None:
        with contextlib.suppress(OSError):  # the answer never comes
            client.send("PATCH", f"/api/issues/{blocker.pk}", b'{"status": "done"}')

    asking = threading.Thread(target=close)
    asking.start()
    wait_for(lambda: WakeupRequest.objects.count() == LAST - 2, 30, what="the wakes before the held one")
    wait_for(somebody_waits_for_a_lock, 10, what="the fan-out at the held row")
    api.kill_all()
    asking.join(10)


def _reconcile(blocker: Issue) -> SweepReport:
    """A pass that no longer expects the announcement itself."""
    Issue.objects.filter(pk=blocker.pk).update(completed_at=timezone.now() - ANNOUNCED_LONG_AGO)
    return run_sweep(sweep_named(SweepName.RECONCILE_STRANDED))


@contextlib.contextmanager
def _no_wake_for(issue_id: UUID) -> Iterator[None]:
    """Inside the block a wake of this issue raises, as a bug would."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"create function no_wake() returns trigger language plpgsql as $$ begin "
            f"if new.issue_id = '{issue_id}' then raise exception 'no wake for this one'; end if; return new; end $$; "
            f"create trigger no_wake before insert on heartbeats_wakeuprequest "
            f"for each row execute function no_wake()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("drop trigger no_wake on heartbeats_wakeuprequest; drop function no_wake()")
