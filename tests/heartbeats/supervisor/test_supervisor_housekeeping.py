"""What is deleted, and what is never deleted (spec/6 law 6: doubt keeps)."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from heartbeats.execution import rundir
from heartbeats.execution.orders import attempt_name
from heartbeats.execution.rundir import ARCHIVE, RunDir
from heartbeats.execution.supervisor.housekeeping import KEPT_SEC, clean
from tests.factories.heartbeats import finished_run

pytestmark = pytest.mark.django_db

NOW = 2_000_000_000.0


def test_only_old_directories_of_runs_that_are_gone_are_deleted(tmp_path: Path) -> None:
    known = archived(tmp_path, attempt_name(finished_run().pk, 1), age=KEPT_SEC + 1)
    gone = archived(tmp_path, attempt_name(uuid.uuid4(), 1), age=KEPT_SEC + 1)
    young = archived(tmp_path, attempt_name(uuid.uuid4(), 1), age=KEPT_SEC - 1)
    foreign = archived(tmp_path, "notes-of-an-operator", age=KEPT_SEC + 1)
    assert clean(tmp_path, now=NOW) == 1
    assert [directory.path.exists() for directory in (known, gone, young, foreign)] == [True, False, True, True]


def test_without_an_archive_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert clean(tmp_path, now=NOW) == 0


def archived(root: Path, name: str, *, age: float) -> RunDir:
    directory = rundir.create(root, name).archive()
    os.utime(directory.path, (NOW - age, NOW - age))
    assert directory.path.parent.name == ARCHIVE
    return directory
