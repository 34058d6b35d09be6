"""The dashboard's figures that issues and runs provide."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agents import overview
from agents.dashboard import dashboard
from heartbeats.models import HeartbeatRun
from heartbeats.overview import run_activity
from heartbeats.vocabulary import RunStatus
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory, CompanyFactory
from tests.factories.heartbeats import finished_run, running_run
from tests.factories.issues import IssueFactory

NOW = datetime(2026, 3, 14, 0, 30, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def run_of(agent: object, created: datetime, status: RunStatus | None = None) -> None:
    run = finished_run(status, agent=agent) if status else running_run(agent=agent)
    HeartbeatRun.objects.filter(id=run.id).update(created_at=created)


def test_run_activity_is_fourteen_days_oldest_first_today_last(django_assert_num_queries: object) -> None:
    agent = AgentFactory()
    for status in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.CANCELLED, None):
        run_of(agent, NOW, status)
    run_of(agent, NOW - timedelta(hours=1), RunStatus.SUCCEEDED)
    run_of(agent, NOW - timedelta(days=13, minutes=30), RunStatus.SUCCEEDED)
    run_of(agent, NOW - timedelta(days=13, minutes=31), RunStatus.FAILED)  # one minute too old
    run_of(AgentFactory(), NOW, RunStatus.FAILED)  # next door
    with django_assert_num_queries(1):  # type: ignore[operator]
        days = run_activity(agent.company_id, NOW)
    assert [day["date"] for day in days] == [f"2026-03-{day:02}" for day in range(1, 15)]
    assert days[-1] == {"date": "2026-03-14", "succeeded": 1, "failed": 2, "other": 2, "total": 5}
    assert [day["total"] for day in days] == [1] + [0] * 11 + [1, 5]


def test_tasks_and_issue_counts_leave_out_hidden_issues(django_assert_num_queries: object) -> None:
    company, other = CompanyFactory(), CompanyFactory()
    for status in IssueStatus:
        IssueFactory(company=company, status=status)
    IssueFactory(company=company, hidden_at=NOW)
    IssueFactory(company=other)
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert overview.issue_counts([company.id, other.id]) == {company.id: 7, other.id: 1}
    tasks = dashboard(company, now=NOW)["tasks"]
    assert tasks == {"open": 5, "inProgress": 1, "blocked": 1, "done": 1}
