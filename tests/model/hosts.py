"""The hosts of the model: they take runs, keep their leases, lose processes, restart, and look for orphans."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from uuid import UUID

from django.utils import timezone

from agents.models import Agent
from agents.vocabulary import AdapterType
from config.common.clock import utc_now
from heartbeats.execution.auto_checkout import check_out
from heartbeats.execution.identity import identify
from heartbeats.models import HeartbeatRun
from heartbeats.runs.cancelling import process_stopped
from heartbeats.runs.claiming import claim_runs
from heartbeats.runs.leases import HeldRun, record_process, renew_leases
from heartbeats.runs.losing import fail_agent_run
from heartbeats.vocabulary import ErrorCode, RunStatus
from recovery.orphans.observing import Looker
from recovery.orphans.reaping import reap_orphans
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import Sweep, SweepReport, run_sweep
from recovery.vocabulary import SweepName
from tests.model.world import World

DEAD_PID = 999_999_999
LEASE = 60


def serve(world: World, agent_id: UUID, host: str, *, starts: bool = True) -> list[HeartbeatRun]:
    """A worker of a host hears the bell: it claims, checks out and starts. Without `starts` it dies in between."""
    now = utc_now()
    claimed = claim_runs(agent_id, host=host, boot_id=world.boot(host), capacity=4, lease_seconds=LEASE, now=now)
    begun = []
    for claim in claimed.runs:
        run = HeartbeatRun.objects.select_related("agent", "issue").get(pk=claim.run_id)
        begun.append(run)
        if not starts:
            continue
        check_out(run, now=now)
        world.alive[run.pk] = host
        if run.adapter_type != AdapterType.REMOTE:
            _record(run, os.getpid())
    world.story[-1] += f" -> starts {', '.join(map(world.call, begun)) or 'nothing'}"
    return begun


def _record(run: HeartbeatRun, pid: int) -> None:
    me = identify(os.getpid())
    assert me is not None
    ticks = me.start_ticks if pid == os.getpid() else 1
    record_process(run.pk, epoch=run.epoch, pid=pid, group_id=None, start_ticks=ticks, started_at=timezone.now())


def renew(world: World) -> None:
    """Every living process is held by its supervisor; a lease that cannot be renewed stops its process."""
    for host in set(world.alive.values()):
        mine = [run_id for run_id, at in world.alive.items() if at == host]
        epochs = dict(HeartbeatRun.objects.filter(pk__in=mine).values_list("pk", "epoch"))
        held = [HeldRun(run_id, epochs[run_id]) for run_id in mine]
        for run_id in renew_leases(host, world.boot(host), held, LEASE).lost:
            stop(world, run_id, epochs[run_id])


def stop(world: World, run_id: UUID, epoch: int) -> None:
    """The process is stopped and proved gone."""
    world.alive.pop(run_id, None)
    process_stopped(run_id, epoch=epoch, now=utc_now())


def clear_stopping(world: World) -> None:
    """Every host proves that the processes of cancelled runs are gone."""
    for run_id, epoch in HeartbeatRun.objects.filter(process_stopping=True).values_list("pk", "epoch"):
        stop(world, run_id, epoch)


def crash(world: World, run: HeartbeatRun) -> None:
    """The process dies without a record; nobody renews its lease any more."""
    world.alive.pop(run.pk, None)
    if run.process_pid is not None:
        HeartbeatRun.objects.filter(pk=run.pk).update(process_pid=DEAD_PID, process_start_ticks=1)


def reboot(world: World, host: str) -> None:
    """Everything on the host is gone, and its boot id is another."""
    world.boots[host] += 1
    for run_id in [run_id for run_id, at in world.alive.items() if at == host]:
        world.alive.pop(run_id)


def sweep(world: World, name: SweepName, host: str = "near") -> SweepReport:
    """One pass of one sweep, now. What one row or the pass itself raised is a fault."""
    chosen = sweep_named(name)
    if name == SweepName.REAP_ORPHANS:
        looker = Looker(host, world.boot(host), world.runs_dir)
        chosen = Sweep(chosen.name, partial(reap_orphans, looker=looker), chosen.config)
    report = run_sweep(replace(chosen))
    world.faults += [f"sweep {name}: {text}" for _, text in report.results.error_texts]
    if report.error:
        world.faults.append(f"sweep {name} failed: {report.error}")
    return report


def orphaned(world: World) -> list[HeartbeatRun]:
    """Running runs whose process is dead, or was never started."""
    return [run for run in world.runs(RunStatus.RUNNING) if run.pk not in world.alive]


def deliver(world: World, host: str, fate: str) -> None:
    """What is on the wire reaches a worker of the host: once, twice, in the wrong order, or never."""
    bells, world.messages[:] = list(world.messages), []
    if fate == "are lost":
        return
    order = bells[::-1] if fate == "arrive backwards" else bells
    for bell in order * (2 if fate == "arrive twice" else 1):
        agent_id = UUID(bell.args[0])
        if Agent.objects.filter(pk=agent_id).exclude(adapter_type=AdapterType.REMOTE).exists():
            serve(world, agent_id, host)


def give_up(world: World, run: HeartbeatRun, code: ErrorCode) -> None:
    """The agent itself says that it cannot go on (spec/1 E)."""
    world.alive.pop(run.pk, None)
    fail_agent_run(run.pk, agent_id=run.agent_id, code=code, reason="the agent failed", now=utc_now())
    process_stopped(run.pk, epoch=run.epoch, now=utc_now())
