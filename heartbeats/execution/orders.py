"""What a starter leaves in the run directory for the supervisor: enough to watch and end a run without asking anybody.

A run directory is named after one attempt, `<run id>-<epoch>`; the same name is the marker in the process environment.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from heartbeats.execution.rundir import RunDir
from heartbeats.runs.sessions import SessionState
from heartbeats.runs.told import StartedSession

ORDERS_NAME = "orders.json"


def attempt_name(run_id: UUID, epoch: int) -> str:
    """The name of one attempt: its run directory, its marker, its `log_ref`."""
    return f"{run_id}-{epoch}"


def parse_attempt_name(name: str) -> tuple[UUID, int] | None:
    """Run id and epoch of an attempt's name; None for any other name."""
    run_id, _, epoch = name.rpartition("-")
    try:
        return UUID(run_id), int(epoch)
    except ValueError:
        return None


def since_boot() -> float:
    """Seconds since this host booted, sleep included: shared by all its processes, and no clock step moves it."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """How to watch and end one attempt. `timeout_sec` 0 means no limit; `lease_until` is in seconds since boot.

    `secrets` are the ids or names of those that the command was given, never their values.
    """

    run_id: UUID
    epoch: int
    agent_id: UUID
    company_id: UUID
    adapter_type: str
    timeout_sec: float
    timeout_configured: bool
    grace_sec: float
    lease_until: float
    session: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    @property
    def started_with(self) -> StartedSession:
        """The session that the attempt resumed."""
        told = dict(self.session)
        return StartedSession(**{**told, "session": SessionState(**told.pop("session", {}))})

    @property
    def name(self) -> str:
        """The attempt's name."""
        return attempt_name(self.run_id, self.epoch)


def write_orders(directory: RunDir, orders: Orders) -> None:
    """Leave the orders, atomically. Not made durable: after a power cut nothing of the attempt is left to watch."""
    temporary = directory.path / f".{ORDERS_NAME}.tmp"
    temporary.write_text(json.dumps(asdict(orders), default=str), encoding="utf-8")
    os.replace(temporary, directory.path / ORDERS_NAME)


def read_orders(directory: RunDir) -> Orders | None:
    """The orders of a run directory; None when there are none that can be used."""
    try:
        data = json.loads((directory.path / ORDERS_NAME).read_bytes())
        ids = {name: UUID(data[name]) for name in ("run_id", "agent_id", "company_id")}
        return Orders(**{**data, **ids, "secrets": tuple(data.get("secrets") or ())})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
