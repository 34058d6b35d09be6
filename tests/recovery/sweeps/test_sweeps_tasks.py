"""One task per sweep under the name that beat sends, a start that rings them all, and the command."""

from __future__ import annotations

import json
from io import StringIO
from queue import Empty

import pytest
from celery import Celery
from django.conf import settings
from django.core.management import CommandError, call_command

from config.celery import app
from recovery.models import SweepRun, SweepState
from recovery.sweeps.catalogue import START_ORDER, sweep_named
from recovery.sweeps.cycle import SweepConfig
from recovery.sweeps.rows import SweepPass
from recovery.sweeps.run import Sweep
from recovery.tasks import SWEEP_TASKS, sweep_at_start
from recovery.vocabulary import SweepName

pytestmark = pytest.mark.django_db


def received(celery_app: Celery) -> list[str]:
    """The names of the messages in the queue, oldest first; empties it."""
    names: list[str] = []
    with celery_app.connection_for_read() as link, link.SimpleQueue("control") as box:
        while True:
            try:
                message = box.get(block=False)
            except Empty:
                return names
            message.ack()
            names.append(message.headers["task"])


def test_every_beat_entry_names_a_task_that_exists_on_the_control_queue() -> None:
    app.loader.import_default_modules()
    for name, entry in settings.CELERY_BEAT_SCHEDULE.items():
        assert entry["task"] in app.tasks
        assert entry["options"]["queue"] == "control"
        assert SWEEP_TASKS[SweepName(name)].name == entry["task"]


@pytest.mark.parametrize("name", list(SweepName))
def test_every_task_records_its_success(name: SweepName) -> None:
    assert SWEEP_TASKS[name].apply().get() == "done"
    assert SweepState.objects.get(sweep=name).last_succeeded_at is not None


def test_a_starting_worker_rings_for_every_sweep_once_the_reaper_first() -> None:
    received(app)
    sweep_at_start()
    names = received(app)
    assert names[0] == "recovery.tasks.reap_orphans"
    assert sorted(names) == sorted(f"recovery.tasks.{name}" for name in SweepName)
    assert set(START_ORDER) == set(SweepName)


def test_the_command_prints_a_report() -> None:
    out = StringIO()
    call_command("sweep", "prune", "--dry-run", "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert (report["sweep"], report["outcome"], report["dry_run"]) == ("prune", "done", True)
    assert not SweepRun.objects.exists()
    call_command("sweep", "prune", stdout=out)
    assert "prune: done in" in out.getvalue()
    assert SweepRun.objects.count() == 1


def test_the_command_fails_when_the_pass_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_work: SweepPass) -> None:
        raise ValueError("no")

    bad = Sweep(SweepName.PRUNE, broken, SweepConfig("prune", sweep_named(SweepName.PRUNE).config.period))
    monkeypatch.setattr("recovery.management.commands.sweep.sweep_named", lambda _name: bad)
    with pytest.raises(CommandError, match="ValueError: no"):
        call_command("sweep", "prune", stdout=StringIO())
