"""The test run's own servers: started once, shared by all workers, gone at the end."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import psutil
import pytest

from tests.config.running import Running, eventually, python, runs
from tests.plugin_services import redis_url_for

pytestmark = pytest.mark.processes

FOREVER = """
from __future__ import annotations
import os, signal

def test_forever():
    os.write(2, f"\\nusing {os.environ['DATABASE_URL']} {os.environ['REDIS_URL']}\\n".encode())
    while True:
        signal.sigtimedwait([], 0.2)
"""

TWO = """
import os
import pytest

@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_report(number):
    os.write(2, f"\\nusing {os.environ['DATABASE_URL']} {os.environ['REDIS_URL']}\\n".encode())
"""


def pytest_run(folder: Path, body: str, *arguments: str, **env: str) -> Running:
    (folder / "test_inner.py").write_text(body)
    options = ("-p", "tests.plugin_services", "-p", "no:django", "-p", "no:randomly", "-p", "no:cacheprovider", "-s")
    argv = [*python("-m", "pytest"), "-c", "/dev/null", "--rootdir", folder, *options, *arguments, folder]
    return Running(argv, {"DATABASE_URL": "", "REDIS_URL": "", "PYTEST_XDIST_WORKER": "", **env})


def servers_of(program: Running) -> list[psutil.Process]:
    return [process for process in program.descendants() if process.name() in {"postgres", "valkey-server"}]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_server(tmp_path: Path, number: signal.Signals) -> None:
    with pytest_run(tmp_path, FOREVER) as program:
        program.hear("using postgresql://")
        servers = servers_of(program)
        assert len(servers) > 2
        program.end(number)
    assert eventually(lambda: not any(runs(server) for server in servers))


def test_workers_share_the_database_server_and_have_a_redis_database_each(tmp_path: Path) -> None:
    with pytest_run(tmp_path, TWO, "-n", "2") as program:
        assert program.process.wait(90) == 0
        program.hear("4 passed")
        found = re.findall(r"using (\S+) \S+/(\d+)$", program.text, re.MULTILINE)
    assert len({database for database, _ in found}) == 1
    assert {number for _, number in found} == {"1", "2"}


def test_servers_that_are_given_are_used_and_nothing_is_started(tmp_path: Path) -> None:
    with pytest_run(tmp_path, FOREVER, DATABASE_URL="postgresql://given/x", REDIS_URL="redis://given/0") as program:
        program.hear("using postgresql://given/x redis://given/0")
        assert servers_of(program) == []


def test_the_redis_address_keeps_its_password() -> None:
    assert redis_url_for("gw0", "redis://:secret@127.0.0.1:6379/0") == "redis://:secret@127.0.0.1:6379/1"
    assert redis_url_for("gw11", "redis://h:1") == "redis://h:1/12"
