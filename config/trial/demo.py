"""`make demo`: an operator creates an issue, an agent really works on it, and the facts come out as one JSON line.

Exit code 0 only if all of it happened: the run succeeded, its log was stored, it commented, the issue is done.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import Any

from config.trial.stack import Stack, StackError, running_stack

FINISH_SECONDS = 60.0
TITLE = "Run the test suite and report"
DESCRIPTION = "Run the tests of the repository in your workspace and write down what you find."


def main() -> int:
    """Run the demo; returns the exit code."""
    try:
        with running_stack() as stack:
            facts = run_demo(stack)
    except StackError as problem:
        print(f"demo: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    print(json.dumps(facts))  # noqa: T201
    return 0 if happened(facts) else 1


def run_demo(stack: Stack) -> dict[str, Any]:
    """Create the issue, wait until it is done and its run is over, and gather what can be seen of both."""
    client, company = stack.client, stack.company_id
    agent = next(row for row in client.get(f"/api/companies/{company}/agents") if row["adapterType"] == "process")
    asked = {"title": TITLE, "description": DESCRIPTION, "status": "todo", "assigneeAgentId": agent["id"]}
    began = time.time()
    issue = client.post(f"/api/companies/{company}/issues", asked)
    run = _finished_run(stack, issue["id"], began + FINISH_SECONDS)
    issue = client.get(f"/api/issues/{issue['id']}")
    comments = client.get(f"/api/issues/{issue['id']}/comments")
    return {
        "issue": issue["identifier"],
        "issueStatus": issue["status"],
        "runStatus": run.get("status"),
        "exitCode": run.get("exitCode"),
        "error": run.get("error"),
        "logBytes": run.get("logBytes"),
        "comments": sum(1 for comment in comments if comment["authorAgentId"] == agent["id"]),
        "secondsToStart": _after(began, run.get("processStartedAt") or run.get("startedAt")),
        "secondsToFinish": _after(began, run.get("finishedAt")),
        "secondsToReady": round(stack.ready_seconds, 3),
    }


def happened(facts: dict[str, Any]) -> bool:
    """Whether every part of the main job is there."""
    done = (facts["issueStatus"], facts["runStatus"], facts["exitCode"]) == ("done", "succeeded", 0)
    return done and bool(facts["logBytes"]) and facts["comments"] > 0


def _finished_run(stack: Stack, issue_id: str, deadline: float) -> dict[str, Any]:
    run: dict[str, Any] = {}
    while time.time() < deadline:
        rows = stack.client.get(f"/api/issues/{issue_id}/runs")
        if rows:
            run = stack.client.get(f"/api/heartbeat-runs/{rows[-1]['runId']}")
            if run["finishedAt"]:
                return run
        time.sleep(0.05)
    return run


def _after(began: float, moment: str | None) -> float | None:
    return round(datetime.fromisoformat(moment).timestamp() - began, 3) if moment else None


if __name__ == "__main__":
    sys.exit(main())
