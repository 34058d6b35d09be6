"""One Everbeat for all tests with foreign programs, and a company of its own for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.trial.stack import Stack, running_stack
from tests.clients.programs import CLI_NEW, CLI_OLD, Cli, cli_of, node


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A whole Everbeat on servers of its own."""
    node()  # nothing is started for tests that will be skipped
    with running_stack() as running:
        yield running


@pytest.fixture
def company_id(stack: Stack) -> str:
    """A company that no other test sees."""
    made: dict[str, Any] = stack.client.post("/api/companies", {"name": f"Client {uuid.uuid4().hex[:8]}"})
    return str(made["id"])


@pytest.fixture
def cli(stack: Stack, company_id: str, tmp_path: Path) -> Cli:
    """The command line 2026.707.0 with the operator's key."""
    return cli_of(CLI_NEW, stack, tmp_path, company_id)


@pytest.fixture
def april_cli(stack: Stack, company_id: str, tmp_path: Path) -> Cli:
    """The command line 2026.403.0: the contract as it was in April."""
    return cli_of(CLI_OLD, stack, tmp_path, company_id)
