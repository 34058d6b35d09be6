"""What the workers are rung for. Short, idempotent: the database knows the work, a message only says "look now"."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from agents.actors import system
from config.common.clock import utc_now
from heartbeats.execution import starting
from heartbeats.wakeups.tree_holds import end_hold_of


@shared_task(name="heartbeats.tasks.start_runs")
def start_runs(agent_id: str) -> None:
    """Claim and start the agent's queued runs on this host (queue `runs`, or `runs.<label>` for a pinned agent)."""
    starting.start_runs(UUID(agent_id), now=utc_now())


@shared_task(name="heartbeats.tasks.end_held_runs")
def end_held_runs(hold_id: str) -> None:
    """End what an operator's hold has not ended while the operator waited (queue `control`)."""
    end_hold_of(UUID(hold_id), system("tree-holds"), now=utc_now())
