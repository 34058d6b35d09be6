"""Freeing an issue when its run has ended, and saying what moves it next (spec/2 H)."""

from __future__ import annotations

from datetime import datetime

from heartbeats.models import HeartbeatRun
from issues.models import Issue


def release_and_promote(issue: Issue | None, run: HeartbeatRun, *, now: datetime) -> HeartbeatRun | None:
    """Clear the execution lock if it is the run's, promote one deferred wakeup, else queue one recovery or escalate.

    The caller holds the locks of the issue and the run, and the run is terminal. Returns the run that takes over,
    None when there is none. Nothing happens when another run holds the issue.
    """
    raise NotImplementedError
