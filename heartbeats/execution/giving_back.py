"""Giving a run back to the queue: its host could not start it, or not keep it. No retry is spent (spec/6 row 4)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from agents.lifecycle import settle_after_run
from agents.models import Agent
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs.lifecycle import Note, move_run, move_wakeup
from heartbeats.runs.scheduling import ring
from heartbeats.runs.settling import release_environment
from heartbeats.vocabulary import RunStatus, WakeupStatus

MOST_UNSTARTED = 1

_NOBODY = dict.fromkeys(
    (
        "executor_host",
        "executor_boot_id",
        "lease_expires_at",
        "claimed_at",
        "started_at",
        "process_pid",
        "process_group_id",
        "process_start_ticks",
        "process_started_at",
    )
)


def give_back_unstarted(run_id: UUID, *, epoch: int, now: datetime) -> bool:
    """A claim whose process was never started goes back to the queue, once; False when it did so before.

    The caller has made sure that no process of it runs or will.
    """
    return _give_back(run_id, epoch, "claimed, but never started; queued again", now, most=MOST_UNSTARTED)


def give_back_stopped(run_id: UUID, *, epoch: int, now: datetime) -> bool:
    """An execution that this host stopped because it could not renew its lease goes back to the queue."""
    return _give_back(run_id, epoch, "stopped because its lease could not be renewed; queued again", now, most=None)


def _give_back(run_id: UUID, epoch: int, message: str, now: datetime, *, most: int | None) -> bool:
    with transaction.atomic():
        agent = Agent.objects.select_for_update(no_key=True, of=("self",)).filter(runs=run_id).first()
        run = HeartbeatRun.objects.select_for_update(no_key=True).filter(pk=run_id).first()
        if agent is None or run is None or (most is not None and run.supervisor_losses >= most):
            return False
        losses = run.supervisor_losses + (1 if most is not None else 0)
        note = Note(message, level="warn", payload={"epoch": epoch, "host": run.executor_host})
        columns = {**_NOBODY, "supervisor_losses": losses}
        expected = {RunStatus.RUNNING}
        if not move_run(run, RunStatus.QUEUED, expected=expected, held_epoch=epoch, notes=[note], **columns):
            return False
        move_wakeup(
            WakeupRequest.objects.filter(run_id=run_id),
            WakeupStatus.QUEUED,
            expected={WakeupStatus.CLAIMED},
            claimed_at=None,
        )
        release_environment(run, now=now)
        others = HeartbeatRun.objects.filter(agent_id=agent.pk, status=RunStatus.RUNNING).exists()
        settle_after_run(agent, outcome=RunStatus.CANCELLED, still_running=others, now=now)
        HeartbeatRun.objects.filter(pk=run.pk).update(updated_at=Now())
        ring(agent.pk, agent.host_label)
    return True
