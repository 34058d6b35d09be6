"""Nothing is ever lost: a random company on real PostgreSQL, checked after every step and when all has come to rest.

The same stories each time; `--hypothesis-seed=N` plays others, `EVERBEAT_MODEL_EXAMPLES=500` a long profile. A broken
promise prints the shortest story that breaks it and was found in the time that shrinking is given.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.test import TransactionTestCase
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import run_state_machine_as_test

from recovery.retries import scheduling
from tests.conftest import _empty_every_table
from tests.model.machine import Model
from tests.model.world import on_the_wire

EXAMPLES = int(os.environ.get("EVERBEAT_MODEL_EXAMPLES", "15"))
STEPS = int(os.environ.get("EVERBEAT_MODEL_STEPS", "25"))
LONG = EXAMPLES > 15
SHRINK_SECONDS = 300 if LONG else 45
PHASES = (Phase.generate, *([] if os.environ.get("EVERBEAT_MODEL_QUICK") else [Phase.shrink]))


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Model]]:
    """The machine with a clean database before each example, its messages on the wire, its jitter fixed."""
    monkeypatch.setattr(Model, "clean", partial(_empty_every_table, TransactionTestCase()), raising=False)
    monkeypatch.setattr(Model, "runs_dir", tmp_path, raising=False)
    monkeypatch.setattr(scheduling, "_draw", lambda: 0.5)
    monkeypatch.setattr(engine, "MAX_SHRINKING_SECONDS", SHRINK_SECONDS)
    with on_the_wire(lambda: Model.current):
        yield Model


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(600 if not LONG else 7200)
def test_nothing_is_ever_lost(model: type[Model], pytestconfig: pytest.Config) -> None:
    play = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=not LONG and pytestconfig.getoption("--hypothesis-seed") is None,
        print_blob=False,
        phases=PHASES,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(model, settings=play)
