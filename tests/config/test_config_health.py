"""Readiness, metrics, doctor and the checks of settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from django.conf import LazySettings
from django.conf import settings as configured
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from config.checks import timing_problems
from config.env import Timings
from heartbeats.models import Host
from recovery.models import SweepState
from recovery.vocabulary import SweepName

pytestmark = pytest.mark.django_db

SOUND = Timings(
    lease=60, renew_every=15, self_stop_before=15, sweep_every=5, reconcile_every=30, watch_every=60, silence_after=300
)


def _everything_is_fresh() -> None:
    now = timezone.now()
    SweepState.objects.all().delete()
    SweepState.objects.bulk_create(SweepState(sweep=name, last_succeeded_at=now) for name in SweepName)
    Host.objects.create(name="here", boot_id="b", started_at=now, last_seen_at=now)


def test_readiness_names_every_check_and_is_green_when_all_are() -> None:
    _everything_is_fresh()
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["ready"], answer.json()["checks"]["database"]) == (200, True, "ok")


def test_a_stale_sweep_turns_readiness_red_and_says_which() -> None:
    _everything_is_fresh()
    SweepState.objects.filter(sweep=SweepName.REAP_ORPHANS).update(
        last_succeeded_at=timezone.now() - timedelta(minutes=5)
    )
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert "last succeeded 30" in answer.json()["checks"]["sweep:reap_orphans"]


def test_a_sweep_that_an_operator_switched_off_is_not_late() -> None:
    _everything_is_fresh()
    SweepState.objects.filter(sweep=SweepName.GRAPH_LIVENESS).update(enabled=False, last_succeeded_at=None)
    assert Client().get("/readyz").status_code == 200


def test_no_host_and_no_broker_are_said(settings: LazySettings) -> None:
    _everything_is_fresh()
    Host.objects.all().delete()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    found = Client().get("/readyz").json()["checks"]
    assert "supervise" in found["hosts"]
    assert "REDIS_URL" in found["broker"]


def test_metrics_count_what_waits_and_can_be_closed_to_strangers(settings: LazySettings) -> None:
    _everything_is_fresh()
    assert b'everbeat_sweep_age_seconds{sweep="prune"}' in Client().get("/metrics").content
    settings.METRICS_TOKEN = "secret"
    assert Client().get("/metrics").status_code == 401
    assert Client().get("/metrics", headers={"Authorization": "Bearer secret"}).status_code == 200


def test_the_doctor_tells_what_is_wrong_and_what_to_do() -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("doctor", stdout=out)
    assert left.value.code == 1
    assert "hosts: no supervisor has reported" in out.getvalue()


def test_sound_timings_raise_nothing() -> None:
    assert list(timing_problems(SOUND)) == []
    assert list(timing_problems(configured.TIMINGS)) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lease": 40}, "everbeat.E001"),
        ({"self_stop_before": 50}, "everbeat.E002"),
        ({"sweep_every": 20}, "everbeat.E003"),
        ({"silence_after": 5}, "everbeat.E004"),
        ({"silence_after": 54}, "everbeat.E004"),
    ],
)
def test_nonsense_among_the_timings_is_an_error_with_an_id(change: dict[str, float], code: str) -> None:
    assert code in {problem.id for problem in timing_problems(replace(SOUND, **change))}
