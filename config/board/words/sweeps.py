"""The sweeps by the names that people use, and what each is for. Pure."""

from __future__ import annotations

from recovery.vocabulary import SweepName

NAMES = {
    SweepName.REAP_ORPHANS: "Orphan reaper",
    SweepName.PROMOTE_RETRIES: "Retry promotion",
    SweepName.DISPATCH_QUEUED: "Dispatch",
    SweepName.RECONCILE_STRANDED: "Stranded work",
    SweepName.SCAN_SILENT_RUNS: "Silence watchdog",
    SweepName.GRAPH_LIVENESS: "Issue graph",
    SweepName.TICK_TIMERS: "Timers",
    SweepName.SILENT_AGENTS: "Silent agents",
    SweepName.PRUNE: "Pruning",
    SweepName.AUDIT: "Audit",
}
PURPOSES = {
    SweepName.REAP_ORPHANS: "Ends runs whose process or host is gone, and retries them once",
    SweepName.PROMOTE_RETRIES: "Queues retries whose time has come",
    SweepName.DISPATCH_QUEUED: "Rings again for runs that nobody has claimed",
    SweepName.RECONCILE_STRANDED: "Finds open work that nothing moves and starts it again, or asks a person",
    SweepName.SCAN_SILENT_RUNS: "Opens a review for runs that say nothing for an hour, louder after four",
    SweepName.GRAPH_LIVENESS: "Finds issues that wait for something that never comes",
    SweepName.TICK_TIMERS: "Wakes agents whose timer is due",
    SweepName.SILENT_AGENTS: "Marks remote agents offline that stopped reporting",
    SweepName.PRUNE: "Removes old events and records",
    SweepName.AUDIT: "Asks every invariant of the live database, and changes nothing",
}
