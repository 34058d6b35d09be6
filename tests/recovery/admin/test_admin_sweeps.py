"""Sweeps, mass losses and poison rows in the admin."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from recovery.models import MassLossIncident, PoisonRow, RecoverySettings, SweepRun, SweepState
from recovery.vocabulary import SweepName
from tests.config.admin.admin_site import add_to, confirm, list_of, page_of
from tests.factories.agents import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def prune() -> SweepState:
    return SweepState.objects.create(sweep=SweepName.PRUNE, last_succeeded_at=timezone.now())


def test_a_sweep_is_switched_off_and_on(site: Client, prune: SweepState) -> None:
    assert confirm(site, "switch_off", prune) == ["1 switched off."]
    assert confirm(site, "switch_off", prune) == ["none switched off, 1 skipped because already off."]
    assert "Switched off" in site.get(list_of(SweepState)).content.decode()
    assert confirm(site, "switch_on", prune) == ["1 switched on."]


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(site: Client, prune: SweepState) -> None:
    done, told = confirm(site, "dry_run", prune)
    assert done == "1 looked."
    assert told.startswith("prune: looked at")
    assert not SweepRun.objects.exists()


def test_a_sweep_runs_by_hand_also_when_it_is_switched_off(site: Client, prune: SweepState) -> None:
    SweepState.objects.update(enabled=False)
    assert confirm(site, "run_now", prune)[0] == "1 run."
    prune.refresh_from_db()
    assert prune.last_started_at is not None


def test_a_sweep_that_did_not_succeed_lately_is_shown_as_late(site: Client) -> None:
    SweepState.objects.create(sweep=SweepName.REAP_ORPHANS, last_succeeded_at=timezone.now() - timedelta(hours=2))
    assert "Late" in site.get(list_of(SweepState)).content.decode()


def test_a_mass_loss_is_confirmed_once_by_somebody(site: Client) -> None:
    incident = MassLossIncident.objects.create(opened_at=timezone.now(), live_leases=20, due_leases=18)
    assert confirm(site, "confirm", incident) == ["1 confirmed."]
    incident.refresh_from_db()
    assert (incident.status, incident.confirmed_by is not None) == ("confirmed", True)
    assert confirm(site, "confirm", incident) == ["none confirmed, 1 skipped because already confirmed."]


def test_a_poison_row_is_due_again_when_somebody_says_so(site: Client) -> None:
    later = timezone.now() + timedelta(hours=1)
    row = PoisonRow.objects.create(sweep=SweepName.PRUNE, row_id=UserFactory().pk, retry_at=later, error="boom")
    assert confirm(site, "try_now", row) == ["1 due again."]
    assert confirm(site, "try_now", row) == ["none due again, 1 skipped because already due."]


def test_the_settings_of_recovery_are_one_row(site: Client) -> None:
    form = {"graph_liveness_auto_recovery": "on", "graph_liveness_lookback_hours": "48"}
    assert site.post(add_to(RecoverySettings), form).status_code == 302
    row = RecoverySettings.objects.get()
    assert (row.graph_liveness_auto_recovery, row.graph_liveness_lookback_hours) == (True, 48)
    assert site.get(add_to(RecoverySettings)).status_code == 403
    site.post(page_of(row), {"graph_liveness_lookback_hours": "24"})
    row.refresh_from_db()
    assert (row.graph_liveness_auto_recovery, row.graph_liveness_lookback_hours) == (False, 24)


def test_beat_hears_of_a_task_that_was_switched_off(site: Client) -> None:
    every = IntervalSchedule.objects.create(every=5, period="seconds")
    task = PeriodicTask.objects.create(name="tick", interval=every)
    before = PeriodicTasks.last_change()
    assert confirm(site, "switch_off", task) == ["1 switched off."]
    task.refresh_from_db()
    assert not task.enabled
    assert PeriodicTasks.last_change() > before
