"""Issue-graph liveness on real rows, and its preview over HTTP (spec/3 J, spec/4 section 15)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from agents.models import ActivityEvent, Agent
from agents.vocabulary import AgentRole
from heartbeats.models import HeartbeatRun, WakeupRequest
from issues.models import Issue, IssueRelation
from issues.vocabulary import IssueStatus, OriginKind
from recovery.models import RecoverySettings
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, dry_run, run_sweep
from recovery.vocabulary import SweepName
from tests.factories.agents import AgentFactory, BoardKeyFactory, MemberFactory, UserFactory
from tests.factories.heartbeats import running_run
from tests.factories.issues import IssueFactory, IssueRelationFactory, assigned_to
from tests.racing import race
from tests.recovery.healthy_rows import healthy
from tests.statements import counted

pytestmark = pytest.mark.django_db

SWEEP = sweep_named(SweepName.GRAPH_LIVENESS)


def switched_on(**columns: Any) -> None:
    RecoverySettings.objects.update_or_create(id=1, defaults={"graph_liveness_auto_recovery": True, **columns})


def sweep() -> SweepReport:
    report = run_sweep(SWEEP)
    assert (report.error, report.results.errors) == (None, 0), report.results.error_texts
    return report


def waits_for_nobody() -> tuple[Issue, Issue]:
    agent: Agent = AgentFactory(role=AgentRole.CTO)
    source = assigned_to(agent, status=IssueStatus.BLOCKED)
    leaf = IssueFactory(company=agent.company)
    IssueRelationFactory(blocked=source, blocker=leaf)
    return source, leaf


def escalations() -> list[Issue]:
    return list(Issue.objects.filter(origin_kind=OriginKind.HARNESS_LIVENESS_ESCALATION).order_by("created_at"))


def test_switched_off_it_only_reports() -> None:
    waits_for_nobody()
    report = sweep()
    assert (report.details["auto_recovery"], report.details["escalations_created"]) == (False, 1)
    assert (escalations(), report.results.acted) == ([], 0)


def test_switched_on_it_opens_one_escalation_that_blocks_the_source_and_wakes_an_owner() -> None:
    switched_on()
    source, leaf = waits_for_nobody()
    assert sweep().details["escalations_created"] == 1
    [escalation] = escalations()
    assert escalation.origin_id == (
        f"harness_liveness:{source.company_id}:{source.pk}:blocked_by_unassigned_issue:{leaf.pk}"
    )
    assert leaf.identifier in escalation.title
    assert set(IssueRelation.objects.filter(blocked=source).values_list("blocker_id", flat=True)) == {
        leaf.pk,
        escalation.pk,
    }
    wakeup = WakeupRequest.objects.get(issue=escalation)
    assert (wakeup.agent_id, wakeup.reason) == (source.assignee_agent_id, "issue_assigned")
    report = sweep()
    assert (report.details["existing_escalations"], len(escalations())) == (1, 1)


def test_a_resolved_trouble_retires_its_escalation() -> None:
    switched_on()
    source, leaf = waits_for_nobody()
    sweep()
    HeartbeatRun.objects.all().delete()
    Issue.objects.filter(pk=leaf.pk).update(status=IssueStatus.DONE, completed_at=timezone.now())
    assert sweep().details["escalations_retired"] == 1
    [escalation] = escalations()
    assert escalation.status == IssueStatus.CANCELLED
    assert list(IssueRelation.objects.filter(blocked=source).values_list("blocker_id", flat=True)) == [leaf.pk]


def test_a_run_on_an_obsolete_escalation_ends_by_itself() -> None:
    switched_on()
    _, leaf = waits_for_nobody()
    sweep()
    [escalation] = escalations()
    HeartbeatRun.objects.filter(issue=escalation).delete()
    assert escalation.assignee_agent is not None
    run = running_run(agent=escalation.assignee_agent, issue=escalation)
    Issue.objects.filter(pk=escalation.pk).update(execution_run=run)
    Issue.objects.filter(pk=leaf.pk).update(status=IssueStatus.DONE, completed_at=timezone.now())
    sweep()
    escalation.refresh_from_db()
    assert (escalation.status, IssueRelation.objects.filter(blocker=escalation).count()) == ("todo", 0)


def test_old_paths_are_left_outside_the_lookback() -> None:
    switched_on()
    waits_for_nobody()
    old = timezone.now() - timedelta(hours=30)
    Issue.objects.update(updated_at=old)
    IssueRelation.objects.update(created_at=old)
    assert sweep().details["skipped_outside_lookback"] == 1
    switched_on(graph_liveness_lookback_hours=48)
    assert sweep().details["escalations_created"] == 1


def test_a_chain_whose_leaf_moves_is_healthy() -> None:
    switched_on()
    source, leaf = waits_for_nobody()
    agent = AgentFactory(company=source.company)
    Issue.objects.filter(pk=leaf.pk).update(assignee_agent=agent, status=IssueStatus.IN_PROGRESS)
    running_run(agent=agent, issue=leaf)
    assert sweep().details["escalations_created"] == 0


def test_a_closed_escalation_is_not_opened_again_for_the_same_evidence() -> None:
    switched_on()
    waits_for_nobody()
    sweep()
    now = timezone.now() + timedelta(seconds=5)
    Issue.objects.filter(pk=escalations()[0].pk).update(status=IssueStatus.DONE, completed_at=now)
    assert sweep().details["settled"] == 1
    assert len(escalations()) == 1


def test_a_dry_run_opens_nothing() -> None:
    waits_for_nobody()
    assert dry_run(SWEEP).details["escalations_created"] == 1
    assert escalations() == []


@pytest.mark.django_db(transaction=True)
def test_eight_sweeps_open_one_escalation_per_leaf() -> None:
    switched_on()
    for _ in range(4):
        waits_for_nobody()
    race([sweep] * 8)
    assert len(escalations()) == 4


@pytest.mark.django_db(transaction=True)
def test_issues_that_wait_for_nothing_cost_no_statement() -> None:
    switched_on()
    healthy(300)
    sweep()
    with counted() as statements:
        sweep()
    assert len(statements) <= 8, statements.report()


def caller(**columns: Any) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {BoardKeyFactory(**columns).token}")
    return client


def test_the_switches_are_read_by_people_and_written_by_admins() -> None:
    member = MemberFactory()
    person, admin = caller(user=member.user), caller(user=UserFactory(is_superuser=True))
    url = "/api/instance/settings/experimental"
    before = {"enableIssueGraphLivenessAutoRecovery": False, "issueGraphLivenessAutoRecoveryLookbackHours": 24}
    assert person.get(url).json() == before
    change = {"enableIssueGraphLivenessAutoRecovery": True, "issueGraphLivenessAutoRecoveryLookbackHours": 48}
    assert person.patch(url, change, format="json").status_code == 403
    assert admin.patch(url, change, format="json").json() == change
    assert person.get(url).json() == change
    assert ActivityEvent.objects.get().action == "instance.settings.experimental_updated"
    bad = {"issueGraphLivenessAutoRecoveryLookbackHours": 721}
    assert admin.patch(url, bad, format="json").status_code == 400


def test_a_preview_shows_what_a_forced_run_then_does() -> None:
    source, leaf = waits_for_nobody()
    admin = caller(user=UserFactory(is_superuser=True))
    url = "/api/instance/settings/experimental/issue-graph-liveness-auto-recovery"
    preview = admin.post(f"{url}/preview", {"lookbackHours": 5}, format="json").json()
    [finding] = preview["findings"]
    assert (finding["state"], finding["leafIdentifier"], preview["lookbackHours"]) == (
        "blocked_by_unassigned_issue",
        leaf.identifier,
        5,
    )
    assert escalations() == []
    run = admin.post(f"{url}/run", {}, format="json").json()
    assert (run["escalationsCreated"], run["escalationIssueIds"]) == (1, [str(escalations()[0].pk)])
    assert ActivityEvent.objects.filter(action__endswith="auto_recovery_run").count() == 1
    assert caller(user=MemberFactory(company=source.company).user).post(f"{url}/run").status_code == 403
