"""Leaving everything to hosts, sweeps and time until nothing moves: it must come to rest, with nothing stalled."""

from __future__ import annotations

from datetime import timedelta
from itertools import cycle

from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from issues.models import Issue
from recovery.sweeps.catalogue import START_ORDER
from recovery.vocabulary import SweepName
from tests.model import hosts
from tests.model.deeds import Deeds
from tests.model.endings import ENDINGS

MOST_ROUNDS = 80
ROUNDS = (timedelta(seconds=12), timedelta(seconds=75), timedelta(minutes=15), timedelta(minutes=160))
SWEEPS = tuple(name for name in START_ORDER if name not in {SweepName.PRUNE, SweepName.TICK_TIMERS, SweepName.AUDIT})


def run_to_quiet(model: Deeds) -> None:
    """Rounds of delivering, ending, waiting and sweeping; raises the story when they do not end or end badly."""
    world = model.world
    lengths, quiet = cycle(ROUNDS), 0
    with model.deed(f"from here on everything is left to the sweeps; every run that starts {model.at_the_end}"):
        for number in range(MOST_ROUNDS):
            moved = _round(model, number, next(lengths))
            model.promises.keep()
            quiet = 0 if moved else quiet + 1
            if quiet == len(ROUNDS):
                model.promises.keep_at_rest()
                return
        raise world.broken(f"after {MOST_ROUNDS} rounds the sweeps are still at work")


def _round(model: Deeds, number: int, length: timedelta) -> bool:
    """One round; True when anything happened in it."""
    world = model.world
    before = _picture()
    hosts.clear_stopping(world)
    hosts.deliver(world, "near", "arrive")
    hosts.serve(world, world.agents[2].pk, "near")  # a remote agent asks for itself
    for run in world.runs(RunStatus.RUNNING):
        if run.pk in world.alive:
            _end(model, run, number)
    world.jump(length, attended=length < timedelta(seconds=15) or number % 8 > 3)
    hosts.renew(world)
    for name in SWEEPS:
        hosts.sweep(world, name)
    return _picture() != before


def _end(model: Deeds, run: HeartbeatRun, number: int) -> None:
    how = model.at_the_end
    if how == "varies":
        how = [*ENDINGS, "dies"][number % (len(ENDINGS) + 1)]
    if how == "dies":
        hosts.crash(model.world, run)
    else:
        model.finish(run, how)


def _picture() -> list[object]:
    runs = HeartbeatRun.objects.order_by("pk").values_list("pk", "status", "epoch", "error_code")
    issues = Issue.objects.order_by("pk").values_list("pk", "status", "assignee_agent_id", "execution_run_id")
    return [*runs, *issues]
