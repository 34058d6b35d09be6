"""The supervisor without its database, without Redis, and through restarts (spec/6 rows 14, 16, 18, 23, 40, 44)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection
from django.utils import timezone

from heartbeats.execution.identity import members_of_group
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from tests.heartbeats.supervisor.conftest import LEASE, MARGIN, Work
from tests.heartbeats.supervisor.test_supervisor_adoption import COUNTS_UNTIL_TOLD, log_of, process_of
from tests.processes import Machine, database_url
from tests.proxy import Proxy
from tests.waiting import wait_for

pytestmark = pytest.mark.processes


@pytest.fixture
def proxy(machine: Machine) -> Iterator[Proxy]:
    """A proxy between the supervisor and PostgreSQL; this test speaks to PostgreSQL directly."""
    at = connection.settings_dict
    made = Proxy((at["HOST"], int(at["PORT"])))
    url = urlsplit(database_url())
    account = url.netloc.rpartition("@")[0]
    machine.env["DATABASE_URL"] = urlunsplit(url._replace(netloc=f"{account}@127.0.0.1:{made.port}"))
    yield made
    made.close()


def test_a_short_cut_changes_nothing_and_no_line_is_lost(
    machine: Machine, work: Work, proxy: Proxy, tmp_path: Path
) -> None:
    machine.supervise()
    stop = tmp_path / "stop"
    run = work.begin("sh", "-c", COUNTS_UNTIL_TOLD.format(stop=stop))
    proxy.cut()
    machine.processes[-1].says("desk_job_failed")
    proxy.heal()
    leased_until = work.reload(run).lease_expires_at
    assert leased_until is not None
    work.until(run, lambda now: now.lease_expires_at is not None and now.lease_expires_at > leased_until)
    stop.touch()
    ended = work.ended(run)
    assert (ended.exit_code, ended.epoch) == (7, 1)
    lines = log_of(machine, ended)
    assert lines == [f"line {number}" for number in range(1, len(lines) + 1)]


def test_a_command_that_ends_while_the_database_is_away_is_finalised_when_it_is_back(
    machine: Machine, work: Work, proxy: Proxy, tmp_path: Path
) -> None:
    machine.supervise()
    stop = tmp_path / "stop"
    run = work.begin("sh", "-c", COUNTS_UNTIL_TOLD.format(stop=stop))
    proxy.cut()
    stop.touch()
    machine.processes[-1].says('"stage": "ended"')
    proxy.heal()
    assert work.ended(run).exit_code == 7


@pytest.mark.parametrize("outage", ["cut", "freeze"])
def test_who_cannot_renew_stops_its_child_before_the_lease_ends_and_gives_the_run_back(
    machine: Machine, work: Work, proxy: Proxy, outage: str
) -> None:
    machine.supervise()
    run = work.begin("sleep", "60")
    process = process_of(machine, run)
    getattr(proxy, outage)()
    began = time.monotonic()
    wait_for(lambda: not members_of_group(process.pgid), LEASE + 5, what="the child's end")
    assert time.monotonic() - began < LEASE
    row = work.reload(run)
    assert row.lease_expires_at is not None
    assert timezone.now() < row.lease_expires_at, "others may only take over later"
    assert time.monotonic() - began > LEASE - MARGIN - 2.5, "and not much too early"
    proxy.heal()
    back = work.until(run, lambda now: now.status != RunStatus.RUNNING)
    assert back.status == RunStatus.QUEUED
    assert not HeartbeatRun.objects.filter(retry_of_run=run).exists(), "no retry is spent"


def test_a_planned_restart_leaves_the_run_alone(machine: Machine, work: Work, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    supervisor = machine.supervise()
    run = work.begin("sh", "-c", COUNTS_UNTIL_TOLD.format(stop=stop))
    assert supervisor.leave() == 0
    machine.supervise()
    stop.touch()
    ended = work.ended(run)
    assert (ended.exit_code, ended.epoch) == (7, 1)


def test_a_redis_that_is_gone_delays_nothing(machine: Machine, work: Work) -> None:
    machine.env["REDIS_URL"] = "redis://127.0.0.1:9/0"
    machine.supervise()
    run = work.begin("sh", "-c", "for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done")
    assert work.ended(run).status == RunStatus.SUCCEEDED


def test_a_second_supervisor_on_the_same_directories_is_refused(machine: Machine) -> None:
    machine.supervise()
    second = machine.start("second", "manage.py", "supervise")
    assert second.popen.wait(20) == 1
    assert "another supervisor works on" in second.output()
