"""The Celery tasks of recovery: one per sweep, short, on the queue `control`. Twice changes nothing (DESIGN 4)."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task
from celery.signals import worker_ready

from config.common.after_commit import Message
from recovery.sweeps.catalogue import START_ORDER, sweep_named
from recovery.sweeps.run import run_sweep
from recovery.vocabulary import SweepName

CONTROL = "control"


def task_name(name: SweepName) -> str:
    """The name that beat and the start-up send."""
    return f"recovery.tasks.{name}"


def _task_of(name: SweepName) -> Task[..., str]:
    @shared_task(name=task_name(name), ignore_result=True)
    def sweep() -> str:
        """One pass; what it did is in its records."""
        return run_sweep(sweep_named(name)).outcome.value

    return sweep


SWEEP_TASKS = {name: _task_of(name) for name in SweepName}


@worker_ready.connect
def sweep_at_start(**_: Any) -> None:  # noqa: ANN401 - signal arguments
    """Ring for every sweep once, in order: a start must not wait for the slowest period. Several workers do no harm.

    Published without a look at the database: this is the worker's parent, whose sockets later children would share.
    """
    for name in START_ORDER:
        Message(task_name(name), (), CONTROL)()
