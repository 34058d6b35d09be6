from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.services import Services, start_services
from config.services.throwaway import fastest_parent


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the servers' account can pass through; pytest's own `tmp_path` is closed to it for root."""
    folder = Path(tempfile.mkdtemp(prefix="everbeat-case-", dir=fastest_parent()))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def services(open_folder: Path) -> Iterator[Services]:
    """Durable servers of this test's own, to be hurt."""
    with start_services(open_folder / "state") as running:
        yield running
