"""Runs that did not end by themselves: lost processes and failing agents (spec/3 A, spec/1 E)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from heartbeats.vocabulary import ErrorCode

MAX_PROCESS_LOSS_RETRIES = 1
MAX_FAILURE_RETRIES = 3


@dataclass(frozen=True)
class Lost:
    """Whether this call ended the run, and the run that takes over its work. `won` False: somebody was faster."""

    won: bool
    retry_run_id: UUID | None = None
    follow_up_run_id: UUID | None = None


def lose_run(
    run_id: UUID,
    *,
    epoch: int,
    code: ErrorCode = ErrorCode.PROCESS_LOST,
    message: str,
    evidence: Mapping[str, Any],
    may_retry: bool,
    now: datetime,
) -> Lost:
    """End a running run as `failed` with `code`; with `may_retry` and no process-loss retry spent, queue exactly one.

    `evidence` (pid, group, descendant flag, …) goes into the event. The retry inherits the execution lock; the
    checkout stays. Without retry the issue is released (spec/2 H). Conditional on `epoch`: losing is normal.
    """
    raise NotImplementedError


def fail_agent_run(run_id: UUID, *, agent_id: UUID, code: ErrorCode, reason: str, now: datetime) -> Lost:
    """End a live run of this agent by the failure policy: up to three retries, then final and escalated (spec/1 E)."""
    raise NotImplementedError
