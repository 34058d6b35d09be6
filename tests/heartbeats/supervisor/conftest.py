from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent
from heartbeats.execution.starting import start_runs
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.processes import Machine
from tests.waiting import wait_for

# Seconds: as in production, but shorter.
LEASE, RENEW, MARGIN, SWEEP = 8, 1, 2, 1


@pytest.fixture
def machine(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[Machine]:
    settings.RUNS_DIR = tmp_path / "runs"
    settings.AGENT_HOMES_DIR = tmp_path / "agents"
    settings.HOST_ID = f"host-{tmp_path.name}-{os.getpid()}"
    settings.TIMINGS = dataclasses.replace(settings.TIMINGS, lease=LEASE, renew_every=RENEW, self_stop_before=MARGIN)
    told = {
        "EVERBEAT_LEASE_SEC": str(LEASE),
        "EVERBEAT_RENEW_SEC": str(RENEW),
        "EVERBEAT_SELF_STOP_MARGIN_SEC": str(MARGIN),
        "EVERBEAT_SWEEP_SEC": str(SWEEP),
    }
    made = Machine(tmp_path, settings.HOST_ID, told)
    yield made
    made.close()


@dataclasses.dataclass(frozen=True)
class Work:
    """Starts runs of agents whose command is given, in this process, as a worker would."""

    machine: Machine

    def begin(self, *argv: str, **config: Any) -> HeartbeatRun:
        """A new agent with this command, one queued run, started."""
        run = self.queue(*argv, **config)
        start_runs(run.agent_id, now=timezone.now())
        return self.reload(run)

    def queue(self, *argv: str, **config: Any) -> HeartbeatRun:
        """A new agent with this command and one queued run."""
        agent: Agent = AgentFactory(adapter_config={"command": argv[0], "args": list(argv[1:]), **config})
        run: HeartbeatRun = HeartbeatRunFactory(agent=agent)
        return run

    def reload(self, run: HeartbeatRun) -> HeartbeatRun:
        """The run as it is now."""
        return HeartbeatRun.objects.get(pk=run.pk)

    def ended(self, run: HeartbeatRun, timeout: float = 20.0) -> HeartbeatRun:
        """The run once it is terminal."""
        return self.until(run, lambda now: now.status in RunStatus.TERMINAL, timeout)

    def until(self, run: HeartbeatRun, holds: Callable[[HeartbeatRun], bool], timeout: float = 20.0) -> HeartbeatRun:
        """The run once the condition holds."""

        def look() -> HeartbeatRun | None:
            found = self.reload(run)
            return found if holds(found) else None

        logs = [process.log for process in self.machine.processes]
        return wait_for(look, timeout, what=f"run {run.pk}, see {logs}")


@pytest.fixture
def work(machine: Machine) -> Work:
    return Work(machine)
