"""Recovery over HTTP: explanations, watchdog decisions, sweeps for operators, mass loss, attention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from agents.models import Agent, Company, User
from agents.vocabulary import AgentStatus
from config.board.queries.needs import needs_rows
from config.common.clock import wire_time
from heartbeats.vocabulary import RunStatus
from issues.models import Interaction, Issue
from issues.vocabulary import InteractionKind, IssueStatus, OriginKind
from recovery.attention import AttentionKind, waiting_for_people
from recovery.models import MassLossIncident, PoisonRow, SweepRun, SweepState, WatchdogDecision
from tests.factories.agents import (
    AgentFactory,
    AgentKeyFactory,
    ApprovalFactory,
    BoardKeyFactory,
    BudgetIncidentFactory,
    CompanyFactory,
    ErrorGroupFactory,
    MemberFactory,
    UserFactory,
)
from tests.factories.heartbeats import HeartbeatRunFactory, finished_run, parked_retry, running_run
from tests.factories.issues import IssueFactory, IssueRelationFactory, TreeHoldFactory, assigned_to
from tests.statements import counted

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class House:
    company: Company
    agent: Agent
    person: User
    board: APIClient
    worker: APIClient
    admin: APIClient


def bearer(token: str) -> APIClient:
    caller = APIClient(raise_request_exception=False)
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return caller


@pytest.fixture
def ours() -> House:
    company = CompanyFactory()
    member = MemberFactory(company=company)
    agent = AgentFactory(company=company)
    admin = BoardKeyFactory(user=UserFactory(is_superuser=True))
    return House(
        company,
        agent,
        member.user,
        bearer(BoardKeyFactory(user=member.user).token),
        bearer(AgentKeyFactory(agent=agent).token),
        bearer(admin.token),
    )


def stranger() -> APIClient:
    return bearer(AgentKeyFactory(agent=AgentFactory()).token)


def code(caller: APIClient, url: str) -> tuple[str, str]:
    answer = caller.get(f"/api/{url}/explain")
    assert answer.status_code == 200, answer.content
    return answer.json()["standing"], answer.json()["code"]


def test_an_issue_says_what_moves_it_or_what_it_waits_for(ours: House) -> None:
    asked = assigned_to(ours.agent)
    assert code(ours.board, f"issues/{asked.pk}") == ("sweep", "issue_assigned")
    HeartbeatRunFactory(agent=ours.agent, issue=asked)
    assert code(ours.worker, f"issues/{asked.identifier}") == ("sweep", "queued")
    running = assigned_to(ours.agent, status=IssueStatus.IN_PROGRESS)
    running_run(agent=ours.agent, issue=running)
    assert code(ours.board, f"issues/{running.pk}") == ("moving", "running")


def test_an_issue_names_hold_question_blocker_pause_and_rest(ours: House) -> None:
    held = assigned_to(ours.agent)
    TreeHoldFactory(root_issue=held)
    assert code(ours.board, f"issues/{held.pk}") == ("waiting", "pause_hold")
    questioned = assigned_to(ours.agent)
    Interaction.objects.create(company=ours.company, issue=questioned, kind=InteractionKind.ASK_USER_QUESTIONS)
    assert code(ours.board, f"issues/{questioned.pk}") == ("waiting", "question")
    blocked = assigned_to(ours.agent)
    IssueRelationFactory(blocked=blocked, blocker=assigned_to(ours.agent))
    assert code(ours.board, f"issues/{blocked.pk}") == ("waiting", "blocked")
    IssueRelationFactory(blocked=blocked, blocker=IssueFactory(company=ours.company))
    assert code(ours.board, f"issues/{blocked.pk}") == ("needs_person", "blocked_by_unassigned_issue")
    resting = assigned_to(ours.agent)
    finished_run(agent=ours.agent, issue=resting)
    assert code(ours.board, f"issues/{resting.pk}") == ("resting", "resting")
    nobody = IssueFactory(company=ours.company)
    assert code(ours.board, f"issues/{nobody.pk}") == ("needs_person", "unassigned")
    idle = assigned_to(AgentFactory(company=ours.company, status=AgentStatus.PAUSED))
    assert code(ours.board, f"issues/{idle.pk}") == ("needs_person", "agent_not_invokable")


def test_a_stranded_issue_says_what_the_sweep_will_do_and_the_sweep_does_it(ours: House) -> None:
    from tests.recovery.seed_rows import reconcile

    issue = assigned_to(ours.agent)
    finished_run(RunStatus.FAILED, agent=ours.agent, issue=issue, result={"errorFamily": "auth"})
    assert code(ours.board, f"issues/{issue.pk}") == ("sweep", "escalates_permanent_failure")
    assert reconcile().details["escalated"] == 1
    assert code(ours.board, f"issues/{issue.pk}") == ("waiting", "blocked")


def test_a_run_says_why_it_is_not_claimed_parked_or_about_to_be_reaped(ours: House) -> None:
    assert code(ours.board, f"heartbeat-runs/{parked_retry(agent=ours.agent).pk}") == ("waiting", "scheduled_retry")
    dead = running_run(agent=ours.agent, lease_expires_at=timezone.now() - timedelta(seconds=9))
    assert code(ours.board, f"heartbeat-runs/{dead.pk}") == ("sweep", "reaper_lease_expired")
    small = AgentFactory(company=ours.company, max_concurrent_runs=1)
    running_run(agent=small)
    assert code(ours.board, f"heartbeat-runs/{HeartbeatRunFactory(agent=small).pk}") == ("waiting", "slots_full")
    assert code(ours.board, f"agents/{small.pk}") == ("moving", "slots_full")


def test_an_agent_says_why_it_does_not_run(ours: House) -> None:
    assert code(ours.board, f"agents/{ours.agent.pk}") == ("resting", "idle")
    paused = AgentFactory(company=ours.company, status=AgentStatus.PAUSED, pause_reason="manual")
    assert code(ours.worker, f"agents/{paused.pk}") == ("needs_person", "paused")


def test_explanations_stay_within_the_company(ours: House) -> None:
    issue, run = assigned_to(ours.agent), HeartbeatRunFactory(agent=ours.agent)
    for url in (f"issues/{issue.pk}", f"heartbeat-runs/{run.pk}", f"agents/{ours.agent.pk}"):
        assert stranger().get(f"/api/{url}/explain").status_code in {403, 404}
        assert APIClient().get(f"/api/{url}/explain").status_code == 401


def test_an_operator_snoozes_a_silent_run(ours: House) -> None:
    run = running_run(agent=ours.agent)
    until = timezone.now() + timedelta(hours=2)
    body = {"decision": "snooze", "snoozedUntil": wire_time(until), "reason": "long build"}
    answer = ours.board.post(f"/api/heartbeat-runs/{run.pk}/watchdog-decisions", body, format="json")
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["decision"], told["runId"], told["reason"]) == ("snooze", str(run.pk), "long build")
    assert (told["snoozedUntil"], told["createdByUserId"]) == (wire_time(until), str(ours.person.pk))


def test_continue_is_quiet_for_half_an_hour_and_a_bad_snooze_is_400(ours: House) -> None:
    run = running_run(agent=ours.agent)
    url = f"/api/heartbeat-runs/{run.pk}/watchdog-decisions"
    assert ours.board.post(url, {"decision": "continue"}, format="json").status_code == 201
    row = WatchdogDecision.objects.get()
    assert row.snoozed_until is not None
    assert timedelta(minutes=29) < row.snoozed_until - timezone.now() <= timedelta(minutes=30)
    for bad in (
        {"decision": "snooze"},
        {"decision": "snooze", "snoozedUntil": "2020-01-01T00:00:00Z"},
        {"decision": "?"},
    ):
        assert ours.board.post(url, bad, format="json").status_code == 400


def test_only_the_agent_of_the_open_evaluation_issue_may_decide(ours: House) -> None:
    run = running_run(agent=AgentFactory(company=ours.company))
    url = f"/api/heartbeat-runs/{run.pk}/watchdog-decisions"
    assert ours.worker.post(url, {"decision": "continue"}, format="json").status_code == 403
    evaluation = assigned_to(
        ours.agent, origin_kind=OriginKind.STALE_ACTIVE_RUN_EVALUATION, origin_id=str(run.pk), title="Review"
    )
    answer = ours.worker.post(url, {"decision": "dismissed_false_positive"}, format="json")
    assert (answer.status_code, answer.json()["evaluationIssueId"]) == (201, str(evaluation.pk))
    other = IssueFactory(company=ours.company)
    body = {"decision": "continue", "evaluationIssueId": str(other.pk)}
    assert ours.worker.post(url, body, format="json").status_code == 404
    Issue.objects.filter(pk=evaluation.pk).update(status=IssueStatus.DONE, completed_at=timezone.now())
    assert ours.worker.post(url, {"decision": "continue"}, format="json").status_code == 403
    assert stranger().post(url, {"decision": "continue"}, format="json").status_code in {403, 404}


def test_operators_list_sweeps_and_admins_switch_dry_run_and_run_them(ours: House) -> None:
    listed = ours.board.get("/api/recovery/sweeps").json()
    assert {row["sweep"] for row in listed} >= {"reap_orphans", "prune"}
    assert all(row["enabled"] for row in listed)
    assert ours.board.patch("/api/recovery/sweeps/prune", {"enabled": False}, format="json").status_code == 403
    assert ours.worker.get("/api/recovery/sweeps").status_code == 403
    assert ours.admin.patch("/api/recovery/sweeps/prune", {"enabled": False}, format="json").json()["enabled"] is False
    assert SweepState.objects.get(sweep="prune").enabled is False
    dry = ours.admin.post("/api/recovery/sweeps/prune/dry-run").json()
    assert (dry["dryRun"], dry["counts"]["sweep_runs"], SweepRun.objects.count()) == (True, 0, 0)
    assert ours.admin.post("/api/recovery/sweeps/prune/run").json()["outcome"] == "done"
    assert SweepRun.objects.count() == 1
    assert ours.admin.post("/api/recovery/sweeps/nonsense/run").status_code == 404


def test_an_admin_confirms_a_mass_loss_once(ours: House) -> None:
    incident = MassLossIncident.objects.create(opened_at=timezone.now(), live_leases=10, due_leases=9)
    url = f"/api/recovery/mass-losses/{incident.pk}/confirm"
    assert ours.board.post(url).status_code == 403
    assert ours.admin.post(url).json()["status"] == "confirmed"
    assert ours.admin.post(url).status_code == 409
    assert ours.board.get("/api/recovery/mass-losses").json()[0]["dueLeases"] == 9


def everything_that_waits(ours: House) -> None:
    agent, now = ours.agent, timezone.now()
    MassLossIncident.objects.create(opened_at=now, live_leases=10, due_leases=9)
    assigned_to(agent, origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY, origin_id="x")
    IssueFactory(company=ours.company, origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY, origin_id="y")
    stuck = assigned_to(agent, status=IssueStatus.BLOCKED)
    finished_run(RunStatus.FAILED, agent=agent, issue=stuck)
    running_run(agent=agent, started_at=now - timedelta(hours=5))
    snoozed = running_run(agent=agent, started_at=now - timedelta(hours=5))
    WatchdogDecision.objects.create(
        company=ours.company, run=snoozed, decision="snooze", snoozed_until=now + timedelta(hours=1)
    )
    ApprovalFactory(company=ours.company)
    Interaction.objects.create(company=ours.company, issue=stuck, kind=InteractionKind.ASK_USER_QUESTIONS)
    PoisonRow.objects.create(sweep="prune", row_id=stuck.pk, retry_at=now, error="corrupt", failures=3)
    PoisonRow.objects.create(sweep="prune", row_id=agent.pk, retry_at=now, error="once is no alarm", failures=1)
    BudgetIncidentFactory(company=ours.company)
    ErrorGroupFactory(agent=agent)
    running_run(started_at=now - timedelta(hours=5))  # another company's, as is the next row
    PoisonRow.objects.create(
        sweep="audit", row_id=assigned_to(AgentFactory()).pk, retry_at=now, error="not ours", failures=3
    )
    BudgetIncidentFactory()
    ErrorGroupFactory()
    ApprovalFactory()


def test_attention_lists_everything_that_waits_for_a_person_most_urgent_first(ours: House) -> None:
    everything_that_waits(ours)
    with counted() as statements:
        items = waiting_for_people(ours.company.pk, now=timezone.now())
    assert [item.kind for item in items] == [
        AttentionKind.MASS_LOSS,
        AttentionKind.ESCALATED,
        AttentionKind.RECOVERY_WITHOUT_OWNER,
        AttentionKind.STRANDED,
        AttentionKind.SILENT,
        AttentionKind.BUDGET_STOP,
        AttentionKind.APPROVAL,
        AttentionKind.QUESTION,
        AttentionKind.POISON,
        AttentionKind.ERROR_GROUP,
    ]
    assert len(statements) == 1
    answer = ours.board.get(f"/api/companies/{ours.company.pk}/attention").json()
    assert [(row["kind"], row["entityId"]) for row in answer] == [(item.kind, str(item.entity_id)) for item in items]
    assert all(row["what"] and row["why"] and row["action"] for row in answer)


def test_every_link_of_what_waits_leads_to_a_page(ours: House, client: Client) -> None:
    everything_that_waits(ours)
    client.force_login(ours.person)
    User.objects.filter(pk=ours.person.pk).update(is_staff=True, is_superuser=True)
    said = [row["url"] for row in ours.board.get(f"/api/companies/{ours.company.pk}/attention").json()]
    shown = [row.action for row in needs_rows(ours.company.pk, now=timezone.now(), may_act=True) if row.action]
    for url in [*said, *(action.url for action in shown if action.method == "get")]:
        assert client.get(url).status_code == 200, url
