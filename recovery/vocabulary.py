"""Closed lists of recovery."""

from __future__ import annotations

from enum import StrEnum


class SweepName(StrEnum):
    """Every periodic pass."""

    REAP_ORPHANS = "reap_orphans"
    PROMOTE_RETRIES = "promote_retries"
    DISPATCH_QUEUED = "dispatch_queued"
    RECONCILE_STRANDED = "reconcile_stranded"
    SCAN_SILENT_RUNS = "scan_silent_runs"
    GRAPH_LIVENESS = "graph_liveness"
    TICK_TIMERS = "tick_timers"
    SILENT_AGENTS = "silent_agents"
    PRUNE = "prune"
    AUDIT = "audit"


class SweepOutcome(StrEnum):
    """How a pass ended."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class WatchdogDecisionKind(StrEnum):
    """What was decided about a silent run (spec/3 I)."""

    SNOOZE = "snooze"
    CONTINUE = "continue"
    DISMISSED_FALSE_POSITIVE = "dismissed_false_positive"


class MassLossStatus(StrEnum):
    """Whether the judge still withholds verdicts."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    CLOSED = "closed"
