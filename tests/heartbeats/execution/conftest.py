from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heartbeats.execution import rundir
from heartbeats.execution.launch import Launched, LaunchFailed, LaunchSpec, launch
from heartbeats.execution.logs import plain_text
from heartbeats.execution.rundir import ExitRecord, ProcessRecord, RunDir
from heartbeats.execution.terminate import terminate_marked
from tests.waiting import wait_for


class Runs:
    """Starts real commands under real shims, and remembers their markers so that nothing outlives its test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.markers: list[str] = []
        self._numbers = itertools.count(1)

    def spec(self, *argv: str, **changes: Any) -> LaunchSpec:
        name = f"run-{next(self._numbers)}"
        marker = f"{os.getpid()}-{self.root.name}-{name}"
        self.markers.append(marker)
        environment = {"PATH": os.environ["PATH"]}
        spec = LaunchSpec(run_id=name, marker=marker, argv=argv, env=environment, cwd=str(self.root))
        return replace(spec, **changes)

    def try_start(self, *argv: str, **changes: Any) -> tuple[RunDir, Launched | LaunchFailed]:
        spec = self.spec(*argv, **changes)
        directory = rundir.create(self.root, spec.run_id)
        return directory, launch(directory, spec)

    def start(self, *argv: str, **changes: Any) -> tuple[RunDir, ProcessRecord]:
        directory, answer = self.try_start(*argv, **changes)
        assert isinstance(answer, Launched), answer
        return directory, answer.process

    def finish(self, *argv: str, **changes: Any) -> tuple[RunDir, ExitRecord]:
        directory, _process = self.start(*argv, **changes)
        return directory, self.ended(directory)

    def ended(self, directory: RunDir, timeout: float = 15.0) -> ExitRecord:
        record = wait_for(directory.exit_record, timeout, what="the exit record")
        assert isinstance(record, ExitRecord), record
        return record

    def output(self, directory: RunDir) -> str:
        return "".join(plain_text(directory.log_path))


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    made = Runs(tmp_path)
    yield made
    for marker in made.markers:
        terminate_marked(marker, grace=0)
