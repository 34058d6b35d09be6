"""The last word before a launch writes what the agent is handed, and nothing when the launch may not happen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agents.journal import _announced
from agents.models import ActivityEvent, Agent, LiveEvent
from heartbeats.execution.announcing import announce_start
from heartbeats.models import EnvironmentLease, ExecutionWorkspace, HeartbeatRun
from heartbeats.runs.scheduling import retry_context
from heartbeats.runs.settling import release_environment
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


def test_taking_and_releasing_the_environment_is_in_the_activity_of_the_company_once_each() -> None:
    run = running_run()
    assert announce(run)
    release_environment(run, now=NOW)
    release_environment(run, now=NOW)
    lease = EnvironmentLease.objects.get(run=run)
    assert (lease.status, lease.released_at) == ("released", NOW)
    rows = ActivityEvent.objects.filter(company=run.company).order_by("id")
    assert [(row.action, row.entity_id, row.run_id, row.agent_id) for row in rows] == [
        (f"environment.lease_{what}", str(lease.pk), run.pk, run.agent_id) for what in ("acquired", "released")
    ]
    assert all(row.issue_id is None and row.actor_type == "system" for row in rows)
    heard = LiveEvent.objects.filter(company=run.company, type="activity.logged").order_by("id")
    assert [event.payload for event in heard] == [_announced(row) for row in rows]


@pytest.mark.parametrize(("status", "kept"), [("failed", "failed"), ("timed_out", "failed"), ("cancelled", "released")])
def test_the_lease_of_a_run_that_failed_or_ran_out_of_time_failed_too(status: str, kept: str) -> None:
    run = running_run()
    announce(run)
    run.status, run.error_code = status, "timeout"
    release_environment(run, now=NOW)
    lease = EnvironmentLease.objects.get(run=run)
    assert (lease.status, lease.failure_reason) == (kept, "timeout" if kept == "failed" else None)


def test_nothing_is_written_for_an_agent_that_was_paused() -> None:
    run = running_run()
    Agent.objects.filter(pk=run.agent_id).update(status="paused", pause_reason="manual", paused_at=NOW)
    assert not announce(run)
    run.refresh_from_db()
    assert "paperclipWake" not in run.context
    assert not EnvironmentLease.objects.filter(run=run).exists()
    assert not ActivityEvent.objects.filter(company=run.company).exists()
