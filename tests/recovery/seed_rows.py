"""The starting rows of the process-recovery seed: its three fixtures, as ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from agents.models import Agent
from agents.vocabulary import AdapterType, AgentRole, AgentStatus
from heartbeats.execution.identity import current_boot_id
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from issues.models import Issue
from issues.vocabulary import IssueStatus
from recovery.models import SweepState
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, run_sweep
from recovery.vocabulary import SweepName
from tests.factories.agents import AgentFactory, UserFactory
from tests.factories.heartbeats import finished_run, running_run
from tests.factories.issues import IssueFactory, TreeHoldFactory, assigned_to

DEAD_PID = 999_999_999


@dataclass
class Rows:
    """One agent, its run, and the issue that the run is about (None where the case has none)."""

    agent: Agent
    run: HeartbeatRun
    issue: Issue

    def again(self) -> Rows:
        """As the database has them now."""
        self.agent.refresh_from_db()
        self.run.refresh_from_db()
        if self.issue is not None:
            self.issue.refresh_from_db()
        return self

    @property
    def other_runs(self) -> list[HeartbeatRun]:
        """The runs of the agent but the first."""
        return list(HeartbeatRun.objects.filter(agent=self.agent).exclude(pk=self.run.pk).order_by("created_at"))


def coder(**columns: Any) -> Agent:
    """The agent of every fixture."""
    given = {"role": AgentRole.ENGINEER, "adapter_type": AdapterType.CODEX_LOCAL, "adapter_config": {}}
    agent: Agent = AgentFactory(**{**given, **columns})
    return agent


def lost_run(*, with_issue: bool = True, agent: Agent | None = None, **columns: Any) -> Rows:
    """`seedRunFixture`: a running run of this host, silent since long ago. The agent is idle, not paused: nothing
    starts by itself in these tests, and a paused agent has no running runs here (spec/2 J cancels them).
    """
    agent = agent or coder(status=AgentStatus.IDLE)
    now = timezone.now()
    issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS, started_at=now) if with_issue else None
    given: dict[str, Any] = {
        "executor_host": settings.HOST_ID,
        "executor_boot_id": current_boot_id(),
        "started_at": now - timedelta(hours=1),
        "lease_expires_at": now - timedelta(minutes=5),
    }
    run = running_run(agent=agent, issue=issue, **{**given, **columns})
    if issue is not None:
        Issue.objects.filter(pk=issue.pk).update(checkout_run=run, execution_run=run)
        issue.refresh_from_db()
    return Rows(agent, run, issue)  # type: ignore[arg-type]


def stranded(
    status: IssueStatus,
    run_status: RunStatus = RunStatus.FAILED,
    *,
    retry_reason: str | None = None,
    to_user: bool = False,
    held: bool = False,
    agent: Agent | None = None,
    **columns: Any,
) -> Rows:
    """`seedStrandedIssueFixture`: an issue whose latest run is over."""
    agent = agent or coder()
    owner: dict[str, Any] = {"assignee_user": UserFactory()} if to_user else {"assignee_agent": agent}
    issue: Issue = IssueFactory(company=agent.company, status=status, title="Recover stranded assigned work", **owner)
    if held:
        root = IssueFactory(company=agent.company, title="Paused recovery root")
        TreeHoldFactory(root_issue=root)
        Issue.objects.filter(pk=issue.pk).update(parent=root)
    ended_well = run_status == RunStatus.SUCCEEDED
    wake = {"assignment_recovery": "issue_assignment_recovery"}.get(retry_reason or "", retry_reason)
    given: dict[str, Any] = {
        "wake_reason": wake or "issue_assigned",
        "retry_reason": retry_reason,
        "error_code": None if ended_well else "process_lost",
        "error": None if ended_well else "run failed before issue advanced",
    }
    run = finished_run(run_status, agent=agent, issue=issue, **{**given, **columns})
    if status == IssueStatus.IN_PROGRESS:
        Issue.objects.filter(pk=issue.pk).update(checkout_run=run, started_at=timezone.now())
    issue.refresh_from_db()
    return Rows(agent, run, issue)


def todo_without_run(**agent_columns: Any) -> Issue:
    """`seedAssignedTodoNoRunFixture`."""
    return assigned_to(coder(**agent_columns), title="Assigned todo work that never received a heartbeat")


def present() -> None:
    """The reaper passed a moment ago: it was not away."""
    SweepState.objects.update_or_create(
        sweep=SweepName.REAP_ORPHANS, defaults={"last_succeeded_at": timezone.now() - timedelta(seconds=5)}
    )


def reap() -> SweepReport:
    """One pass of a reaper that was not away."""
    present()
    return run_sweep(sweep_named(SweepName.REAP_ORPHANS))


def reconcile() -> SweepReport:
    """One pass of the reconciliation."""
    return run_sweep(sweep_named(SweepName.RECONCILE_STRANDED))
