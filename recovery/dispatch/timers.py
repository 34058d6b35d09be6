"""The clock that wakes agents, as a sweep (spec/2 B "Timers")."""

from __future__ import annotations

from uuid import UUID

from agents.models import Agent
from heartbeats.wakeups.timers import tick_timers
from recovery.sweeps.rows import Done, SweepPass

DUE = "due"


def wake_by_timer(work: SweepPass) -> None:
    """Wake every agent whose timer is due; the verb guards each agent and repeats a failed one at the next tick."""
    if work.dry_run:
        for agent_id, company_id in due_agents(work):
            work.note(agent_id, Done(DUE, company_id))
        return
    tick = tick_timers(work.now)
    for run_id in tick.run_ids:
        work.note(run_id, Done("enqueued"))
    work.details |= {"checked": tick.checked, "enqueued": tick.enqueued, "failed": tick.failed}
    for _ in range(tick.skipped):
        work.tally.skip("gated")


def due_agents(work: SweepPass) -> list[tuple[UUID, UUID]]:
    """Agents whose deadline has come, longest overdue first."""
    due = Agent.objects.invokable().filter(timer_due_at__lte=work.now).order_by("timer_due_at")
    return list(due.values_list("id", "company_id")[: work.config.batch_size * work.config.max_batches])
