"""How authentication, in a lower app, finds the run that a caller says it speaks for."""

from __future__ import annotations

from uuid import UUID

from agents.api.run_header import RunFacts
from heartbeats.models import HeartbeatRun


def run_facts(run_id: UUID) -> RunFacts | None:
    """One statement; None for an id that names no run."""
    row = (
        HeartbeatRun.objects.filter(id=run_id)
        .values_list("id", "company_id", "agent_id", "epoch", "finished_at")
        .first()
    )
    return RunFacts(*row) if row else None
