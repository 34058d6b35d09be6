"""The run that a caller says it speaks for. Runs belong to a higher app, which registers how to look one up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from config.common.wire.errors import Forbidden

RUN_HEADERS = ("X-Paperclip-Run-Id", "X-Everbeat-Run-Id")
NOT_YOUR_RUN = "Run id does not name a run of the caller"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What authentication needs to know of a run. `finished_at` is None while it lives."""

    id: UUID
    company_id: UUID
    agent_id: UUID
    epoch: int
    finished_at: datetime | None


RunLookup = Callable[[UUID], RunFacts | None]


class _Registry:
    lookup: RunLookup | None = None


def register_run_lookup(lookup: RunLookup | None) -> RunLookup | None:
    """Say how runs are found; called once, by `heartbeats` when it is ready. Returns the previous one, for tests."""
    previous, _Registry.lookup = _Registry.lookup, lookup
    return previous


def find_run(run_id: UUID) -> RunFacts | None:
    """The run, or None when there is no such run (or nobody registered a lookup). One statement."""
    return _Registry.lookup(run_id) if _Registry.lookup else None


def run_named(text: str) -> RunFacts:
    """The run in a header. Text that is no id and ids that name nothing are 403, never a 500 (spec/4 16, fault 14)."""
    try:
        run = find_run(UUID(text))
    except ValueError:
        run = None
    if run is None:
        raise Forbidden(NOT_YOUR_RUN)
    return run
