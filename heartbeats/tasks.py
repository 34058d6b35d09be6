"""What the workers are rung for. Short, idempotent: the database knows the work, a message only says "look now"."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from config.common.clock import utc_now
from heartbeats.execution import starting


@shared_task(name="heartbeats.tasks.start_runs")
def start_runs(agent_id: str) -> None:
    """Claim and start the agent's queued runs on this host (queue `runs`, or `runs.<label>` for a pinned agent)."""
    starting.start_runs(UUID(agent_id), now=utc_now())
