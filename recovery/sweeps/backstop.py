"""Sweeps without beat: when nobody starts them in time, each supervisor does (spec/6 fault 8).

An overdue sweep is made here and not rung for: a dead worker would not hear, and would find the rings of hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings

from config.common.clock import database_now
from config.env import Timings
from recovery.models import SweepState
from recovery.schedule import periods
from recovery.sweeps.catalogue import START_ORDER, sweep_named
from recovery.sweeps.run import run_sweep
from recovery.vocabulary import SweepName

# Less than two, so that a judge who is helped out is not absent by its own measure (three periods of the reaper).
OVERDUE_AFTER_PERIODS = 1.8
AWAY_AFTER_PERIODS = 3

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass
class Backstop:
    """Remembers since when it looks: what was due before its own start gets a chance to be made by beat.

    After an outage it begins anew, so that the supervisor first gives back what it had to stop.
    """

    since: datetime | None = None
    looked_at: datetime | None = None

    def __call__(self) -> list[SweepName]:
        """Make every sweep that is overdue, the reaper first; which ones. Two statements when nothing is."""
        now = database_now()
        if self.since is None or self._was_away(now):
            self.since = now
        rows = SweepState.objects.values_list("sweep", "last_started_at", "enabled")
        known = {SweepName(name): (started, enabled) for name, started, enabled in rows}
        off = {name for name, (_started, enabled) in known.items() if not enabled}
        begun = {name: started for name, (started, _enabled) in known.items() if started is not None}
        late = [name for name in overdue(begun, now=now, since=self.since, timings=settings.TIMINGS) if name not in off]
        for name in late:
            report = run_sweep(sweep_named(name))
            log.warning("sweep_backed_up", sweep=name, outcome=report.outcome, acted=report.results.acted)
        self.looked_at = database_now() if late else now
        return late

    def _was_away(self, now: datetime) -> bool:
        longest = timedelta(seconds=AWAY_AFTER_PERIODS * settings.TIMINGS.sweep_every)
        return self.looked_at is not None and now - self.looked_at > longest


def overdue(
    begun: Mapping[SweepName, datetime], *, now: datetime, since: datetime, timings: Timings
) -> list[SweepName]:
    """The sweeps that did not begin for nearly two of their periods, nor since `since`, in the order of a start."""
    every = periods(timings)

    def is_late(name: SweepName) -> bool:
        return now - max(begun.get(name, since), since) > timedelta(seconds=OVERDUE_AFTER_PERIODS * every[name])

    return [name for name in START_ORDER if is_late(name)]
