"""The demo agent does what an agent does, over the real API."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agents.models import Agent
from heartbeats.demo import agent as script
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import assigned_to
from tests.heartbeats.supervisor.conftest import Work
from tests.processes import Machine

pytestmark = pytest.mark.processes


def test_the_demo_agent_takes_its_issue_works_reports_and_closes_it(
    machine: Machine, work: Work, settings: Any
) -> None:
    from django.utils import timezone

    from heartbeats.execution.starting import start_runs

    port = free_port()
    settings.API_URL = f"http://127.0.0.1:{port}"
    machine.supervise()
    machine.api(port)
    agent: Agent = AgentFactory(adapter_config={"command": sys.executable, "args": [script.__file__]})
    issue = assigned_to(agent, status="todo", title="Run the tests")
    run: HeartbeatRun = HeartbeatRunFactory(agent=agent, issue=issue)
    start_runs(agent.pk, now=timezone.now())
    ended = work.ended(run, timeout=40)
    issue.refresh_from_db()
    assert (ended.status, issue.status) == (RunStatus.SUCCEEDED, "done"), ended.stderr_excerpt
    comment = issue.comments.get()
    assert (comment.created_by_run_id, comment.author_agent_id) == (run.pk, agent.pk)
    assert "**OK**" in comment.body
    home = settings.AGENT_HOMES_DIR / str(agent.pk) / "demo-repository"
    assert (home / ".git").is_dir()
    assert "**OK**" in (home / "report.md").read_text()


def test_it_says_what_is_missing_and_fails(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, script.__file__], env={}, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "EVERBEAT_API_URL" in done.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
