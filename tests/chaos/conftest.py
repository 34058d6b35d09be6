"""The world of a quick fault, and the file that `python -m tests.chaos` reads the outcomes from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.world import World, make_world


@pytest.fixture
def world(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[World]:
    """A host of its own; every process on it ends with the test."""
    made = make_world(tmp_path, settings)
    yield made
    made.machine.close()
