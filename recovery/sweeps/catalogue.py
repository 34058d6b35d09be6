"""Every sweep by name: its body and its bounds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache

from django.conf import settings

from recovery.audit.sweeping import audit_everything
from recovery.dispatch.queued import dispatch_queued
from recovery.dispatch.timers import wake_by_timer
from recovery.graph.reconciling import graph_liveness
from recovery.orphans.reaping import reap_orphans
from recovery.presence.silent_agents import find_silent_agents
from recovery.retries.promoting import promote_due_retries
from recovery.schedule import periods
from recovery.silence.scanning import scan_silent_runs
from recovery.stranded.reconciling import reconcile_stranded
from recovery.sweeps.cycle import SweepConfig
from recovery.sweeps.rows import SweepPass
from recovery.sweeps.run import Sweep
from recovery.upkeep.prune import prune
from recovery.vocabulary import SweepName

_BODIES: dict[SweepName, Callable[[SweepPass], None]] = {
    SweepName.REAP_ORPHANS: reap_orphans,
    SweepName.PROMOTE_RETRIES: promote_due_retries,
    SweepName.DISPATCH_QUEUED: dispatch_queued,
    SweepName.RECONCILE_STRANDED: reconcile_stranded,
    SweepName.SCAN_SILENT_RUNS: scan_silent_runs,
    SweepName.GRAPH_LIVENESS: graph_liveness,
    SweepName.TICK_TIMERS: wake_by_timer,
    SweepName.SILENT_AGENTS: find_silent_agents,
    SweepName.PRUNE: prune,
    SweepName.AUDIT: audit_everything,
}
_BATCH = {SweepName.DISPATCH_QUEUED: 1_000, SweepName.PROMOTE_RETRIES: 200, SweepName.PRUNE: 5_000}
_QUIET = {SweepName.DISPATCH_QUEUED}

# What a start needs first: the dead are found before their work is given out again (spec/3, head).
START_ORDER = (
    SweepName.REAP_ORPHANS,
    SweepName.PROMOTE_RETRIES,
    SweepName.DISPATCH_QUEUED,
    SweepName.RECONCILE_STRANDED,
    SweepName.TICK_TIMERS,
    SweepName.SILENT_AGENTS,
    SweepName.SCAN_SILENT_RUNS,
    SweepName.GRAPH_LIVENESS,
    SweepName.PRUNE,
    SweepName.AUDIT,
)


@cache
def sweep_named(name: SweepName) -> Sweep:
    """The sweep of that name."""
    period = timedelta(seconds=periods(settings.TIMINGS)[name])
    config = SweepConfig(str(name), period, batch_size=_BATCH.get(name, 100))
    return Sweep(name, _BODIES[name], config, quiet=name in _QUIET)
