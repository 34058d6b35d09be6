"""How often each sweep runs. Beat, the freshness checks and the board read the same table (spec/6, head)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from config.env import Timings
from recovery.vocabulary import SweepName

HOUR = 3600.0
# A sweep is late when it has not succeeded for this many of its periods, plus time for a restart.
LATE_AFTER_PERIODS = 3
LATE_GRACE_SEC = 15.0


def periods(timings: Timings) -> dict[SweepName, float]:
    """Seconds between two passes of each sweep."""
    return {
        SweepName.REAP_ORPHANS: timings.sweep_every,
        SweepName.PROMOTE_RETRIES: timings.sweep_every,
        SweepName.DISPATCH_QUEUED: timings.sweep_every,
        SweepName.TICK_TIMERS: timings.sweep_every,
        SweepName.RECONCILE_STRANDED: timings.reconcile_every,
        SweepName.SCAN_SILENT_RUNS: timings.watch_every,
        SweepName.SILENT_AGENTS: timings.watch_every,
        SweepName.GRAPH_LIVENESS: timings.watch_every,
        SweepName.PRUNE: HOUR,
        SweepName.AUDIT: 5 * timings.watch_every,
    }


def late_after(sweep: SweepName, timings: Timings) -> timedelta:
    """How old a sweep's last success may be before operators are told."""
    return timedelta(seconds=LATE_AFTER_PERIODS * periods(timings)[sweep] + LATE_GRACE_SEC)


def beat_entries(timings: Timings) -> dict[str, dict[str, Any]]:
    """The Celery beat schedule: one entry and one task per sweep. A message that waited two periods is dropped."""
    return {
        str(name): {
            "task": f"recovery.tasks.{name}",
            "schedule": period,
            "options": {"expires": 2 * period, "queue": "control"},
        }
        for name, period in periods(timings).items()
    }
