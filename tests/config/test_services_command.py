"""`python -m config.services COMMAND`: a command with servers of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.config.running import ROOT

pytestmark = pytest.mark.processes

QUERY = """
import os, psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    print(connection.execute("SELECT current_database()").fetchone())
with redis.from_url(os.environ["REDIS_URL"]) as client:
    print(client.ping())
raise SystemExit(7)
"""


def run_with_servers(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "config.services", *command],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": "", "REDIS_URL": "", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_finds_both_servers_and_its_exit_code_is_passed_on() -> None:
    done = run_with_servers(sys.executable, "-c", QUERY)
    assert (done.stdout, done.returncode) == ("('everbeat',)\nTrue\n", 7)


def test_servers_that_are_given_are_left_as_they_are() -> None:
    done = run_with_servers(
        sys.executable, "-c", "import os; print(os.environ['DATABASE_URL'])", DATABASE_URL="given", REDIS_URL="given"
    )
    assert done.stdout == "given\n"


def test_no_command_is_a_usage_error() -> None:
    done = run_with_servers()
    assert done.returncode == 2
    assert "usage" in done.stderr
