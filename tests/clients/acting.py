"""What the tests with foreign programs do themselves, over HTTP: prepare and look."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from config.trial.stack import Stack

SCRIPTS = Path(__file__).parent / "agents"
PATIENCE_SECONDS = 30.0
TERMINAL = {"succeeded", "failed", "cancelled", "timed_out"}


def make_agent(stack: Stack, company_id: str, name: str, command: str, *args: str, **config: Any) -> str:
    """A `process` agent; its id."""
    body = {"name": name, "adapterType": "process", "adapterConfig": {"command": command, "args": list(args), **config}}
    return str(stack.client.post(f"/api/companies/{company_id}/agents", body)["id"])


def make_shell_agent(stack: Stack, company_id: str, script: str, name: str = "Shell") -> str:
    """An agent that runs a line of shell."""
    return make_agent(stack, company_id, name, "/bin/sh", "-c", script)


def make_scripted_agent(stack: Stack, company_id: str, script: str, *args: str) -> str:
    """An agent that runs one of the scripts beside this file."""
    return make_agent(stack, company_id, script.removesuffix(".py"), sys.executable, str(SCRIPTS / script), *args)


def make_issue(stack: Stack, company_id: str, title: str = "Work", **body: Any) -> dict[str, Any]:
    """A new issue."""
    issue: dict[str, Any] = stack.client.post(f"/api/companies/{company_id}/issues", {"title": title, **body})
    return issue


def wait_for_run(stack: Stack, run_id: str, statuses: set[str] = TERMINAL) -> dict[str, Any]:
    """The run, once it has one of these statuses."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        run: dict[str, Any] = stack.client.get(f"/api/heartbeat-runs/{run_id}")
        if run["status"] in statuses:
            return run
        assert time.monotonic() < deadline, f"run {run_id} is still {run['status']}"
        time.sleep(0.1)  # the server is another process: there is no event to wait for


def first_run(stack: Stack, issue_id: str) -> dict[str, Any]:
    """The oldest run of an issue, once it is over."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (rows := stack.client.get(f"/api/issues/{issue_id}/runs")):
        assert time.monotonic() < deadline, f"no run for {issue_id}"
        time.sleep(0.1)
    return wait_for_run(stack, rows[-1]["runId"])


def log_of(stack: Stack, run_id: str) -> str:
    """What a run printed."""
    return stack.client.send("GET", f"/api/heartbeat-runs/{run_id}/log.txt", None)[1].decode()
