"""What a quick fault is injected into: the test's database, one host's folders, and processes on demand."""

from __future__ import annotations

import dataclasses
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from config.common.clock import database_now
from recovery.models import SweepState
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, run_sweep
from recovery.vocabulary import SweepName
from tests.heartbeats.supervisor.conftest import LEASE, MARGIN, RENEW, SWEEP, Work
from tests.processes import Machine

TIMINGS = {
    "EVERBEAT_LEASE_SEC": str(LEASE),
    "EVERBEAT_RENEW_SEC": str(RENEW),
    "EVERBEAT_SELF_STOP_MARGIN_SEC": str(MARGIN),
    "EVERBEAT_SWEEP_SEC": str(SWEEP),
}


@dataclasses.dataclass(frozen=True)
class World:
    """The machine under test, the runs that are started on it, and Django's settings (restored by the fixture)."""

    machine: Machine
    work: Work
    settings: Any
    folder: Path


def make_world(folder: Path, settings: Any, **env: str) -> World:
    """A host with short timings. Close its machine at the end."""
    settings.RUNS_DIR = folder / "runs"
    settings.AGENT_HOMES_DIR = folder / "agents"
    settings.HOST_ID = f"host-{folder.name}-{os.getpid()}"
    settings.TIMINGS = dataclasses.replace(
        settings.TIMINGS, lease=LEASE, renew_every=RENEW, self_stop_before=MARGIN, sweep_every=SWEEP
    )
    machine = Machine(folder, settings.HOST_ID, {**TIMINGS, **env})
    return World(machine, Work(machine), settings, folder)


def reaper_was_here() -> None:
    """The reaper passed a second ago: it was not away, also by the short timings."""
    passed = database_now() - timedelta(seconds=1)
    SweepState.objects.update_or_create(sweep=SweepName.REAP_ORPHANS, defaults={"last_succeeded_at": passed})


def reap() -> SweepReport:
    """One pass of a reaper that was not away."""
    reaper_was_here()
    return run_sweep(sweep_named(SweepName.REAP_ORPHANS))
