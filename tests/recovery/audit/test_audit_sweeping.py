"""The audit on a timer: recorded as a sweep, told by `/metrics` and the admin's first page (DESIGN 7)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from heartbeats.models import HeartbeatRun
from recovery.audit.run import CHECKS
from recovery.audit.sweeping import last_audit
from recovery.models import SweepRun
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import dry_run, run_sweep
from recovery.vocabulary import SweepName
from tests.factories.agents import UserFactory
from tests.factories.heartbeats import parked_retry

pytestmark = pytest.mark.django_db

AUDIT = sweep_named(SweepName.AUDIT)


def overdue_retry() -> HeartbeatRun:
    return parked_retry(scheduled_retry_at=timezone.now() - timedelta(hours=1))


def metric() -> list[str]:
    lines = Client().get("/metrics").content.decode().splitlines()
    return [line for line in lines if line.startswith("everbeat_audit_violations")]


def first_page() -> str:
    site = Client()
    site.force_login(UserFactory(is_staff=True, is_superuser=True))
    return site.get("/admin/").content.decode()


def test_a_clean_audit_is_recorded_as_such() -> None:
    assert last_audit() is None
    assert metric() == []
    report = run_sweep(AUDIT)
    assert (report.error, report.results.errors, report.details["checks"]) == (None, 0, len(CHECKS))
    found = last_audit()
    assert found is not None
    assert (found.violations, found.texts) == (0, ())
    assert metric() == ["everbeat_audit_violations 0.0"]
    assert "The audit found" not in first_page()


def test_a_violation_is_counted_named_and_shown_until_an_audit_is_clean_again() -> None:
    run = overdue_retry()
    report = run_sweep(AUDIT)
    assert report.details["violations"] == {"due_retry_was_promoted": 1}
    found = last_audit()
    assert found is not None
    assert found.violations == 1
    assert str(run.pk) in found.texts[0]
    assert metric() == ["everbeat_audit_violations 1.0"]
    html = first_page()
    assert "The audit found 1 row that breaks an invariant" in html
    assert str(run.pk) in html
    HeartbeatRun.objects.filter(pk=run.pk).delete()
    run_sweep(AUDIT, now=timezone.now() + timedelta(minutes=5))
    assert metric() == ["everbeat_audit_violations 0.0"]


def test_the_audit_changes_nothing_and_a_dry_run_leaves_no_record() -> None:
    run = overdue_retry()
    dry_run(AUDIT)
    assert not SweepRun.objects.exists()
    run_sweep(AUDIT)
    assert HeartbeatRun.objects.get(pk=run.pk).status == "scheduled_retry"
