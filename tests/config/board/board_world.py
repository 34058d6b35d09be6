"""A busy company in the database: 30 agents, 200 finished runs, eight running, and one of everything that waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from django.db.models import OuterRef, Subquery

from agents.models import Agent, BudgetIncident, BudgetPolicy, Company, ErrorGroup
from agents.vocabulary import AgentStatus, BudgetWindow, PauseReason
from heartbeats.models import HeartbeatRun, Host, WakeupRequest
from heartbeats.vocabulary import RunStatus, WakeupStatus
from issues.models import Interaction, Issue
from issues.vocabulary import IssueStatus, OriginKind
from recovery.models import SweepRun, SweepState
from recovery.schedule import periods
from recovery.vocabulary import SweepName
from tests.factories.agents import AgentFactory, ApprovalFactory, BudgetPolicyFactory
from tests.factories.heartbeats import (
    HeartbeatRunFactory,
    WakeupRequestFactory,
    finished_run,
    parked_retry,
    running_run,
)
from tests.factories.issues import (
    IssueFactory,
    IssueRelationFactory,
    TreeHoldFactory,
    assigned_to,
)

NAMES = (
    "Ada the backend engineer", "Bruno", "Chief of staff", "Dmitri (infrastructure)", "Élodie, revue de code",
    "Fixture gardener", "Grace", "Hiroshi 品質保証", "Integrations", "João", "Kernel triage", "Localisation",
    "Migrations",
    "Nightly", "Observability", "Performance", "QA west", "QA east", "Release captain", "Security review",
    "Support first line", "Test flake hunter", "Upgrade bot", "Vera", "Writer", "Xavier", "Yara", "Zoë", "Data steward",
    "Billing watcher",
)  # fmt: skip
TITLES = (
    "Fix the flaky checkout test on slow disks",
    "Upgrade the payment client to version 4 and remove the shim that nobody has needed since the spring",
    "Przenieś zadania nocne na nową kolejkę",
    "決済ページの多言語対応を完了する",
    "Write the post-mortem for Tuesday",
    "Cache the plan lookup",
    "Rename `acct` to `account` in the public API without breaking the three oldest clients",
    "Investigate p95 latency of /search",
    "Delete stale preview environments",
    "Replace the home-grown retry loop",
    "Rotate the signing keys of the build farm",
    "Answer the questions of the auditors",
)


@dataclass
class World:
    """What a test may want to look at."""

    company: Company
    agents: list[Agent]
    running: list[HeartbeatRun]
    blocked: Issue
    held: Issue
    queued: HeartbeatRun
    stranded: Issue
    errors: ErrorGroup


class Builder:
    """Builds a world as of `now`, the same one every time."""

    def __init__(self, company: Company, now: datetime) -> None:
        self.company, self.now, self.draw = company, now, Random(7)
        self.agents: list[Agent] = [AgentFactory(company=company, name=name) for name in NAMES]
        self.count = 0

    def ago(self, **parts: float) -> datetime:
        """A moment before now."""
        return self.now - timedelta(**parts)

    def issue(self, agent: Agent | None = None, **columns: object) -> Issue:
        """An issue with a title of its own."""
        self.count += 1
        given = {"number": self.count, "title": TITLES[self.count % len(TITLES)], **columns}
        given.setdefault("identifier", f"{self.company.issue_prefix}-{self.count}")
        found: Issue = assigned_to(agent, **given) if agent else IssueFactory(company=self.company, **given)
        return found

    def age(self, issue: Issue, **parts: float) -> Issue:
        """The issue as if nobody had touched it for so long."""
        Issue.objects.filter(pk=issue.pk).update(updated_at=self.ago(**parts), created_at=self.ago(days=2))
        return issue

    def history(self, size: int = 200) -> None:
        """Finished runs of the last day."""
        for number in range(size):
            agent = self.agents[self.draw.randrange(len(self.agents))]
            ended = self.ago(minutes=3 + self.draw.random() * 60 * 23 if number > 14 else number * 2 + 1)
            self._finished(agent, ended, self.draw.random())

    def _finished(self, agent: Agent, ended: datetime, dice: float) -> None:
        status = RunStatus.SUCCEEDED if dice < 0.84 else RunStatus.FAILED if dice < 0.95 else RunStatus.TIMED_OUT
        took = timedelta(seconds=20 + self.draw.random() * 900)
        failed = status == RunStatus.FAILED
        run = finished_run(
            status,
            agent=agent,
            issue=self.issue(agent, status=IssueStatus.DONE) if dice < 0.9 else None,
            started_at=ended - took,
            finished_at=ended,
            exit_code=1 if failed else 0,
            liveness_state="completed" if status == RunStatus.SUCCEEDED else "failed",
            error_code="adapter_failed" if failed else None,
            error="the tests failed: 3 of 212" if failed else None,
        )
        HeartbeatRun.objects.filter(pk=run.pk).update(created_at=ended - took)

    def running(self) -> list[HeartbeatRun]:
        """Eight, from talking to critically silent."""
        silences = (1, 4, 9, 22, 48, 780, 4_300, 15_200)
        runs = [self._running(place, seconds) for place, seconds in enumerate(silences)]
        ended = self.ago(seconds=200)
        first = finished_run(
            RunStatus.FAILED,
            agent=runs[2].agent,
            issue=runs[2].issue,
            error_code="process_lost",
            started_at=ended - timedelta(seconds=91),
            finished_at=ended,
        )
        HeartbeatRun.objects.filter(pk=first.pk).update(created_at=ended - timedelta(seconds=92))
        HeartbeatRun.objects.filter(pk=runs[2].pk).update(
            retry_of_run=first, retry_reason="process_lost", process_loss_retry_count=1
        )
        return runs

    def _running(self, place: int, silent: float) -> HeartbeatRun:
        agent = self.agents[place * 3]
        started = self.ago(seconds=silent + 60 * (place + 1))
        run = running_run(
            agent=agent,
            issue=self.issue(agent, status=IssueStatus.IN_PROGRESS) if place != 4 else None,
            started_at=started,
            claimed_at=started,
            process_started_at=started,
            process_pid=48_200 + place,
            last_output_at=self.ago(seconds=silent) if place else None,
            log_bytes=4_096 * (place + 1),
            executor_host=f"worker-{place % 2 + 1}",
            lease_expires_at=self.now + timedelta(seconds=44),
        )
        Agent.objects.filter(pk=agent.pk).update(status=AgentStatus.RUNNING)
        HeartbeatRun.objects.filter(pk=run.pk).update(created_at=started)
        return run

    def waiting(self) -> tuple[Issue, Issue, HeartbeatRun]:
        """A full agent, a parked retry, a deferred wakeup, an issue at rest, a blocked issue and a held one."""
        busy = self.agents[0]
        Agent.objects.filter(pk=busy.pk).update(max_concurrent_runs=1)
        queued = HeartbeatRunFactory(agent=busy, issue=self.issue(busy))
        parked_retry(
            agent=self.agents[4],
            issue=self.issue(self.agents[4]),
            scheduled_retry_at=self.now + timedelta(minutes=18),
            scheduled_retry_attempt=2,
        )
        other = HeartbeatRun.objects.filter(status=RunStatus.RUNNING, issue__isnull=False).exclude(agent=busy).first()
        assert other is not None
        WakeupRequestFactory(
            agent=self.agents[5], issue=other.issue, status=WakeupStatus.DEFERRED, requested_at=self.ago(minutes=1)
        )
        resting = self.issue(self.agents[9], status=IssueStatus.IN_PROGRESS)
        HeartbeatRunFactory(
            agent=self.agents[9], issue=resting, status=RunStatus.SUCCEEDED, finished_at=self.ago(minutes=3)
        )
        relation = IssueRelationFactory(
            blocked=self.issue(self.agents[6]),
            blocker=self.issue(self.agents[7], status=IssueStatus.IN_REVIEW, review_participant_agent=self.agents[8]),
        )
        root = self.issue(None, title="Move the billing service to the new region")
        TreeHoldFactory(root_issue=root)
        held = self.issue(self.agents[8], parent=root)
        return relation.blocked, held, queued

    def trouble(self) -> tuple[Issue, ErrorGroup]:
        """What only a person can move."""
        paused = self.agents[13]
        Agent.objects.filter(pk=paused.pk).update(
            status=AgentStatus.PAUSED, pause_reason=PauseReason.BUDGET, paused_at=self.ago(minutes=48)
        )
        Agent.objects.filter(pk=self.agents[10].pk).update(status=AgentStatus.ERROR)
        stranded = self.age(self.issue(paused, status=IssueStatus.IN_PROGRESS), hours=2)
        self.issue(
            None,
            title="Recover ABC-42: its continuation failed twice",
            origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY,
            origin_id=str(stranded.pk),
            description="The owner is paused and its manager has no budget left.",
        )
        alone = self.agents[11]
        stranded = self.age(self.issue(alone, status=IssueStatus.TODO), hours=3)
        ApprovalFactory(
            company=self.company, requested_by_agent=self.agents[18], payload={"title": "Publish 2.14.0 to production"}
        )
        Interaction.objects.create(
            company=self.company,
            issue=self.issue(self.agents[9], status=IssueStatus.IN_REVIEW),
            kind="ask_user_questions",
            title="Which region comes first?",
            author_agent=self.agents[9],
        )
        self._budget_stop(paused)
        return stranded, self._errors()

    def _budget_stop(self, agent: Agent) -> None:
        policy: BudgetPolicy = BudgetPolicyFactory(
            company=self.company, scope_type="agent", scope_id=agent.pk, amount=20_000
        )
        BudgetIncident.objects.create(
            company=self.company,
            policy=policy,
            scope_type="agent",
            scope_id=agent.pk,
            window_kind=BudgetWindow.CALENDAR_MONTH_UTC,
            window_start=self.now.replace(day=1),
            threshold_type="hard",
            amount_limit=20_000,
            amount_observed=20_014,
        )

    def _errors(self) -> ErrorGroup:
        return ErrorGroup.objects.create(
            company=self.company,
            agent=self.agents[20],
            severity="error",
            fingerprint="f",
            message="Login to the ticket system was refused: the token has expired",
            occurrences=41,
            first_seen_at=self.ago(hours=5),
            last_seen_at=self.ago(minutes=2),
        )


def build_world(company: Company, now: datetime) -> World:
    """Everything at once."""
    builder = Builder(company, now)
    builder.history()
    running = builder.running()
    blocked, held, queued = builder.waiting()
    stranded, errors = builder.trouble()
    first = HeartbeatRun.objects.filter(wakeup=OuterRef("pk")).values("created_at")[:1]
    WakeupRequest.objects.filter(company=company, run__isnull=False).update(requested_at=Subquery(first))
    return World(company, builder.agents, running, blocked, held, queued, stranded, errors)


def healthy_instance(now: datetime) -> None:
    """Every sweep just succeeded and two hosts report."""
    from django.conf import settings

    for place, (name, period) in enumerate(periods(settings.TIMINGS).items()):
        at = now - timedelta(seconds=min(period / 2, 30) + place)
        SweepState.objects.update_or_create(
            sweep=name, defaults={"last_started_at": at, "last_succeeded_at": at, "last_seconds": 0.012}
        )
    SweepRun.objects.create(
        sweep=SweepName.REAP_ORPHANS, outcome="done", started_at=now, looked_at=8, acted=1, counts={"retried": 1}
    )
    for number in (1, 2):
        columns = {"boot_id": "b", "started_at": now, "last_seen_at": now}
        Host.objects.update_or_create(name=f"worker-{number}", defaults=columns)
