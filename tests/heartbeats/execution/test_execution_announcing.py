"""The last word before a launch writes what the agent is handed, and nothing when the launch may not happen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agents.models import Agent
from heartbeats.execution.announcing import announce_start
from heartbeats.models import EnvironmentLease, ExecutionWorkspace, HeartbeatRun
from heartbeats.runs.scheduling import retry_context
from tests.factories.heartbeats import running_run

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def announce(run: HeartbeatRun, **more: Any) -> bool:
    handed = more.pop("handed", {"paperclipWake": {"reason": "issue_assigned"}})
    return announce_start(run, {}, handed=handed, workspace_id=more.get("workspace_id"), log_ref="x", now=NOW)


def test_a_run_keeps_the_wake_that_was_built_for_it_beside_what_was_merged_meanwhile() -> None:
    run = running_run(context={"wakeReason": "issue_assigned"})
    HeartbeatRun.objects.filter(pk=run.pk).update(context={**run.context, "wakeCommentIds": ["c-2"]})
    assert announce(run)
    run.refresh_from_db()
    assert run.context == {
        "wakeReason": "issue_assigned", "wakeCommentIds": ["c-2"], "paperclipWake": {"reason": "issue_assigned"},
    }  # fmt: skip
    assert "paperclipWake" not in retry_context(run), "a repetition builds its own"


def test_the_lease_names_the_worktree() -> None:
    run = running_run()
    row = ExecutionWorkspace.objects.create(company=run.company, name="tree", cwd="/tree", host="host-a")
    assert announce(run, workspace_id=str(row.pk))
    assert EnvironmentLease.objects.get(run=run).workspace_id == row.pk


def test_nothing_is_written_for_an_agent_that_was_paused() -> None:
    run = running_run()
    Agent.objects.filter(pk=run.agent_id).update(status="paused", pause_reason="manual", paused_at=NOW)
    assert not announce(run)
    run.refresh_from_db()
    assert "paperclipWake" not in run.context
    assert not EnvironmentLease.objects.filter(run=run).exists()
