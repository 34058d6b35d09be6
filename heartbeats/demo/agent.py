"""A small, real agent: the documented example of what an agent does. Standard library only; it needs git.

Everbeat starts it with an environment that says who it is and why it was woken. It takes its issue, does the work in
its workspace (tests a small repository, which it makes if there is none), reports, and closes the issue.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

API = os.environ.get("EVERBEAT_API_URL", "")
KEY = os.environ.get("EVERBEAT_API_KEY", "")
AGENT = os.environ.get("EVERBEAT_AGENT_ID", "")
RUN = os.environ.get("EVERBEAT_RUN_ID", "")
ISSUE = os.environ.get("EVERBEAT_TASK_ID", "")

MODULE = '''"""Arithmetic that somebody depends on."""


def mean(values):
    """The mean of numbers; 0 for none."""
    return sum(values) / len(values) if values else 0
'''

TESTS = """import unittest

from arithmetic import mean


class MeanTest(unittest.TestCase):
    def test_of_numbers(self):
        self.assertEqual(mean([1, 2, 3]), 2)

    def test_of_nothing(self):
        self.assertEqual(mean([]), 0)


if __name__ == "__main__":
    unittest.main()
"""


class AgentError(Exception):
    """Something that keeps the agent from its work; the message is for people."""


def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - any JSON value
    """One request to Everbeat, on behalf of this run."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", "X-Paperclip-Run-Id": RUN}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{API}/api{path}", data=data, headers=headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        told = refusal.read(2000).decode("utf-8", "replace")
        raise AgentError(f"{method} {path} was answered with {refusal.code}: {told}") from None
    except OSError as problem:
        raise AgentError(f"{method} {path} did not reach {API}: {problem}") from None


def run(*command: str, cwd: Path) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise AgentError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def make_repository(folder: Path) -> None:
    """A git repository with one module and its tests, unless it is there."""
    if (folder / ".git").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "arithmetic.py").write_text(MODULE, encoding="utf-8")
    (folder / "test_arithmetic.py").write_text(TESTS, encoding="utf-8")
    run("git", "init", "-q", cwd=folder)
    run("git", "add", ".", cwd=folder)
    author = ("-c", "user.name=Demo agent", "-c", "user.email=agent@example.org")
    run("git", *author, "commit", "-q", "-m", "Begin", cwd=folder)


def test_repository(folder: Path) -> str:
    """Run its tests; the closing line."""
    output = run(sys.executable, "-m", "unittest", "-v", cwd=folder)
    sys.stdout.write(output)
    return output.strip().splitlines()[-1]


def write_report(folder: Path, issue: dict[str, Any], verdict: str) -> str:
    """Leave report.md in the repository; its text."""
    commit = run("git", "rev-parse", "--short", "HEAD", cwd=folder).strip()
    text = f"# {issue['identifier']}: {issue['title']}\n\nTests of `{folder.name}` at {commit}: **{verdict}**\n"
    (folder / "report.md").write_text(text, encoding="utf-8")
    return text


def say(text: str) -> None:
    """One line of progress, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def work() -> None:
    """Take the issue, do the work, report, close the issue. Without an issue there is nothing to do."""
    if not (API and KEY and AGENT and RUN):
        raise AgentError("EVERBEAT_API_URL, _API_KEY, _AGENT_ID and _RUN_ID must be set: Everbeat does that")
    if not ISSUE:
        say("Woken without an issue: nothing to do.")
        return
    statuses = ["todo", "backlog", "blocked", "in_progress"]
    call("POST", f"/issues/{ISSUE}/checkout", {"agentId": AGENT, "expectedStatuses": statuses})
    issue = call("GET", f"/issues/{ISSUE}")
    say(f"Working on {issue['identifier']}: {issue['title']}")
    folder = Path(os.environ.get("EVERBEAT_WORKSPACE_CWD") or ".") / "demo-repository"
    make_repository(folder)
    say(f"Testing {folder}")
    verdict = test_repository(folder)
    report = write_report(folder, issue, verdict)
    call("POST", f"/issues/{ISSUE}/comments", {"body": report})
    call("PATCH", f"/issues/{ISSUE}", {"status": "done"})
    say(f"Done: {verdict}")


if __name__ == "__main__":
    try:
        work()
    except AgentError as error:
        sys.exit(f"demo agent: {error}")
