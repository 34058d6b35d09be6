"""Promoting wakeups that waited for an issue's live run (spec/2 H.1)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from heartbeats.models import HeartbeatRun
from issues.models import Issue


def promote_deferred(issue: Issue, *, now: datetime) -> HeartbeatRun | None:
    """Give the oldest deferred wakeup that can still be served a queued run; the caller holds the issue's lock.

    Rows of agents that are gone or not invokable become `failed`, rows under a pause hold `cancelled`; the first
    other one is promoted, and only that one. None when no row could be promoted.
    """
    raise NotImplementedError


def promote_orphaned_deferred(issue_id: UUID, *, now: datetime) -> HeartbeatRun | None:
    """The same for an issue that no live run is going to release (spec/3 K.10). Locks the issue; None: nothing to do."""
    raise NotImplementedError
