"""A restored database: whoever held a run in the lost time holds it no more (spec/6 row 45)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from agents.models import LiveEvent, LiveFeed
from heartbeats.models import HeartbeatRun, RunEvent
from heartbeats.runs.finalising import ExecutionResult, finalise_run
from heartbeats.runs.leases import HeldRun, renew_leases
from recovery.audit.run import audit
from recovery.restoring import EPOCH_STEP, FEED_STEP, MESSAGE, Restored, take_over_restored
from tests.factories.heartbeats import BOOT, HOST, HeartbeatRunFactory, finished_run, parked_retry, running_run

pytestmark = pytest.mark.django_db

LEASE = timedelta(seconds=60)


def test_every_run_that_is_not_over_gets_an_epoch_that_no_lost_time_has_reached() -> None:
    queued, parked, running, over = HeartbeatRunFactory(), parked_retry(), running_run(), finished_run()
    before = {run.pk: run.epoch for run in (queued, parked, running, over)}
    assert take_over_restored(lease=LEASE, now=timezone.now()) == Restored(runs=3, running=1, feeds=0)
    raised = {run.pk: run.epoch - before[run.pk] for run in HeartbeatRun.objects.all()}
    assert raised == {queued.pk: EPOCH_STEP, parked.pk: EPOCH_STEP, running.pk: EPOCH_STEP, over.pk: 0}


def test_a_host_of_the_lost_time_can_neither_renew_nor_report() -> None:
    run = running_run()
    take_over_restored(lease=LEASE, now=timezone.now())
    assert run.pk not in renew_leases(HOST, BOOT, [HeldRun(run.pk, run.epoch)], 60).kept
    assert not finalise_run(run.pk, epoch=run.epoch, result=ExecutionResult(exit_code=0), now=timezone.now()).won
    assert HeartbeatRun.objects.get(pk=run.pk).status == "running"


def test_what_was_running_keeps_its_place_for_one_lease_and_says_why() -> None:
    run, now = running_run(), timezone.now()
    take_over_restored(lease=LEASE, now=now)
    run.refresh_from_db()
    assert (run.executor_host, run.executor_boot_id, run.lease_expires_at) == (None, None, now + LEASE)
    assert RunEvent.objects.filter(run=run, message=MESSAGE, level="warn").count() == 1


def test_screens_that_know_later_numbers_have_to_fetch_everything() -> None:
    run = running_run()
    LiveEvent.objects.create(company=run.company, type="agent.status", payload={}, seq=7)
    LiveFeed.objects.create(company=run.company, last_seq=7, pushed_seq=5)
    take_over_restored(lease=LEASE, now=timezone.now())
    feed = LiveFeed.objects.get(company=run.company)
    assert (feed.last_seq, feed.pushed_seq) == (7 + FEED_STEP, 7 + FEED_STEP)
    assert not LiveEvent.objects.filter(seq__isnull=False).exists()


def test_the_command_says_what_it_did_and_what_comes_next_and_the_audit_stays_clean(
    capsys: pytest.CaptureFixture[str],
) -> None:
    running_run()
    call_command("restored")
    told = capsys.readouterr().out
    assert "1 live runs have a new epoch, 1 of them wait" in told
    assert "start the supervisor of every host now" in told
    assert [violation.text for violation in audit()] == []
