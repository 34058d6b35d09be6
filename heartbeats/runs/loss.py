"""Ending runs whose processes are gone, one or many at once, by one rule (spec/3 A)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.journal import written_together
from agents.lifecycle import settle_after_run
from agents.models import Agent
from config.common.models import uuid7
from heartbeats.models import HeartbeatRun
from heartbeats.runs.ending import Ending
from heartbeats.runs.ending_together import lock_free_for_end
from heartbeats.runs.lifecycle import Note
from heartbeats.runs.poison import is_poison
from heartbeats.runs.releasing import release_and_promote
from heartbeats.runs.repeating import may_run_again, retry_lost
from heartbeats.runs.scheduling import ring
from heartbeats.runs.stopping import stop_live_run
from heartbeats.runs.surroundings import Surroundings, load_surroundings
from heartbeats.vocabulary import ErrorCode, RunStatus

MAX_PROCESS_LOSS_RETRIES = 1


@dataclass(frozen=True)
class Lost:
    """Whether this call ended the run, and the run that takes over its work. `won` False: somebody was faster.

    `retry_run_id` repeats the lost run; `follow_up_run_id` is any other run that the release started.
    """

    won: bool
    retry_run_id: UUID | None = None
    follow_up_run_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Loss:
    """The verdict that one execution is lost.

    `evidence` (pid, group, descendant flag, …; JSON already) goes into the event. With `may_retry` and no process-loss
    retry spent, exactly one retry follows. `supervisor_lost`: it died while nobody watched; after three such deaths,
    those of the runs that it repeats included, the run is parked (K.16). `silent_at`: only silence speaks for the loss,
    so a lease that reaches beyond that moment wins.
    """

    run_id: UUID
    epoch: int
    message: str
    evidence: Mapping[str, Any]
    may_retry: bool
    code: ErrorCode = ErrorCode.PROCESS_LOST
    supervisor_lost: bool = False
    silent_at: datetime | None = None


def lose_locked(ending: Ending, loss: Loss, *, now: datetime, around: Surroundings | None = None) -> Lost:
    """End a running run as `failed`: retry it, or release its issue (spec/2 H). The agent is the caller's to settle.

    The rows of `ending` are locked. Conditional on the epoch: losing the race is normal. What `around` tells is not
    read again.
    """
    run = ending.run
    if run.epoch != loss.epoch or run.status != RunStatus.RUNNING or _spoke_since(run, loss):
        return Lost(won=False)
    kills = run.supervisor_losses + (1 if loss.supervisor_lost else 0)
    code, message = loss.code, loss.message
    if loss.supervisor_lost and is_poison(kills):
        code, message = ErrorCode.POISON, f"{message}; parked after its execution ended its supervisor {kills} times"
    spent = not loss.may_retry or code == ErrorCode.POISON or run.process_loss_retry_count >= MAX_PROCESS_LOSS_RETRIES
    retry_id = None if spent or not may_run_again(ending, around) else uuid7()
    facts = {"code": code.value, **loss.evidence, "retryRunId": str(retry_id) if retry_id else None}
    stop_live_run(
        ending,
        RunStatus.FAILED,
        code=code.value,
        error=message,
        now=now,
        notes=[Note(message, level="error", payload=facts)],
        process_gone=True,
        environment=around is None or around.environment,
        supervisor_losses=kills,
    )
    if retry_id is not None:
        return Lost(True, retry_run_id=retry_lost(ending, now=now, run_id=retry_id, around=around).pk)
    follow_up = release_and_promote(ending, now=now, around=around)
    return Lost(True, follow_up_run_id=follow_up.pk if follow_up else None)


def lose_runs(losses: Sequence[Loss], *, now: datetime) -> dict[UUID, Lost]:
    """`lose_run` for many runs in one transaction, with what they have in common read and written once.

    A run whose rows somebody holds is not waited for and has no answer. An agent is settled once, after its last run.
    """
    with transaction.atomic(), written_together():
        endings = lock_free_for_end([loss.run_id for loss in losses])
        around = load_surroundings(endings)
        said = {loss.run_id: loss for loss in losses}
        lost = {
            ending.run.pk: lose_locked(ending, said[ending.run.pk], now=now, around=around[ending.run.pk])
            for ending in endings
        }
        _settle({ending.agent.pk: ending.agent for ending in endings if lost[ending.run.pk].won}.values(), now)
    return lost


def _spoke_since(run: HeartbeatRun, loss: Loss) -> bool:
    """A renewal that arrived while the judge deliberated wins over a verdict by absence."""
    return loss.silent_at is not None and run.lease_expires_at is not None and run.lease_expires_at > loss.silent_at


def _settle(agents: Iterable[Agent], now: datetime) -> None:
    agents = list(agents)
    rows = HeartbeatRun.objects.filter(agent__in=agents, status__in=(RunStatus.RUNNING, RunStatus.QUEUED))
    has = set(rows.values_list("agent_id", "status").distinct())
    for agent in agents:
        running = (agent.pk, RunStatus.RUNNING.value) in has
        settle_after_run(agent, outcome=RunStatus.FAILED, still_running=running, now=now)
        if (agent.pk, RunStatus.QUEUED.value) in has:
            ring(agent.pk, agent.host_label)
