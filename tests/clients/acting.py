"""What the tests with foreign programs do themselves, over HTTP: prepare and look."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from config.trial.stack import Stack
from tests.waiting import wait_for

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

    def reached() -> dict[str, Any] | None:
        run: dict[str, Any] = stack.client.get(f"/api/heartbeat-runs/{run_id}")
        return run if run["status"] in statuses else None

    return wait_for(reached, PATIENCE_SECONDS, what=f"run {run_id} to be {statuses}")


def first_run(stack: Stack, issue_id: str) -> dict[str, Any]:
    """The oldest run of an issue, once it is over."""

    def found() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = stack.client.get(f"/api/issues/{issue_id}/runs")
        return rows

    rows = wait_for(found, PATIENCE_SECONDS, what=f"a run for {issue_id}")
    return wait_for_run(stack, rows[-1]["runId"])


def log_of(stack: Stack, run_id: str) -> str:
    """What a run printed."""
    return stack.client.send("GET", f"/api/heartbeat-runs/{run_id}/log.txt", None)[1].decode()
