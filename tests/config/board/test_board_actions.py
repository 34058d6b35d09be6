"""What the buttons do, who may press them, and where one lands afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from agents.models import ActivityEvent, Agent, Company, ErrorGroup, User
from agents.vocabulary import AgentStatus, TriageState
from config.board.actions import waking
from config.board.queries.needs import needs_rows
from config.board.urls import acts
from config.common.clock import utc_now
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.vocabulary import RunStatus, WakeupStatus
from issues.models import Issue, IssueComment
from issues.vocabulary import IssueStatus
from recovery.models import MassLossIncident, SweepRun, SweepState
from tests.factories.agents import AgentFactory, CompanyFactory
from tests.factories.heartbeats import finished_run, parked_retry, running_run
from tests.factories.issues import assigned_to

pytestmark = pytest.mark.django_db(transaction=True)


def press(client: Client, name: str, *args: object, **form: str) -> Any:
    """Press the button of that name."""
    return client.post(reverse(name, args=args), {"next": "/recovery/", **form})


def told(answer: Any) -> str:
    """The sentence that the next page will show."""
    return [str(message) for message in get_messages(answer.wsgi_request)][-1]


@pytest.fixture
def agent(company: Company) -> Agent:
    """An idle agent."""
    found: Agent = AgentFactory(company=company, name="Ada")
    return found


def test_a_run_is_cancelled_and_logged(board: Client, agent: Agent) -> None:
    run = running_run(agent=agent, issue=assigned_to(agent, status=IssueStatus.IN_PROGRESS))
    answer = press(board, "act_on_run", run.pk, "cancel")
    run.refresh_from_db()
    assert (answer.status_code, answer["Location"]) == (302, "/recovery/")
    assert run.status == RunStatus.CANCELLED
    assert told(answer) == "The run of Ada is cancelled."
    assert ActivityEvent.objects.filter(action="heartbeat.cancelled", run=run, actor_type="user").count() == 1


def test_cancelling_a_finished_run_says_so_and_changes_nothing(board: Client, agent: Agent) -> None:
    run = finished_run(agent=agent)
    assert told(press(board, "act_on_run", run.pk, "cancel")) == "The run was over already: it is succeeded."
    assert not ActivityEvent.objects.filter(action="heartbeat.cancelled").exists()


def test_a_finished_run_is_run_again(board: Client, agent: Agent) -> None:
    run = finished_run(RunStatus.FAILED, agent=agent, issue=assigned_to(agent))
    assert told(press(board, "act_on_run", run.pk, "again")) == "Ada is woken."
    again = HeartbeatRun.objects.get(status=RunStatus.QUEUED)
    assert again.issue_id == run.issue_id
    assert again.invocation_source == "on_demand"


def test_a_parked_retry_is_called_forward(board: Client, agent: Agent) -> None:
    run = parked_retry(agent=agent, issue=assigned_to(agent))
    press(board, "act_on_run", run.pk, "again")
    run.refresh_from_db()
    assert run.status == RunStatus.QUEUED
    assert HeartbeatRun.objects.count() == 1


def test_an_agent_is_woken_paused_and_resumed(board: Client, agent: Agent) -> None:
    assert told(press(board, "act_on_agent", agent.pk, "wake")) == "Ada is woken."
    press(board, "act_on_agent", agent.pk, "pause")
    agent.refresh_from_db()
    assert agent.status == AgentStatus.PAUSED
    answer = press(board, "act_on_agent", agent.pk, "wake")
    assert "not" in told(answer)
    press(board, "act_on_agent", agent.pk, "resume")
    agent.refresh_from_db()
    assert agent.status == AgentStatus.IDLE


def test_a_wake_that_cannot_be_logged_does_not_happen(
    board: Client, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last write of the transaction fails, as a full disk would make it."""

    def broken(*_rows: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(waking, "log_activity", broken)
    with pytest.raises(OSError, match="disk full"):
        press(board, "act_on_agent", agent.pk, "wake")
    assert not WakeupRequest.objects.exists()
    assert not HeartbeatRun.objects.exists()


def test_a_wake_that_is_refused_leaves_its_row_and_no_line_in_the_log(board: Client, agent: Agent) -> None:
    Agent.objects.filter(pk=agent.pk).update(wake_on_demand=False)
    assert told(press(board, "act_on_agent", agent.pk, "wake")).startswith("Ada was not woken.")
    assert WakeupRequest.objects.get().status == WakeupStatus.SKIPPED
    assert not ActivityEvent.objects.filter(action="heartbeat.invoked").exists()


def test_a_comment_is_stored_and_wakes_the_owner(board: Client, owner: User, agent: Agent) -> None:
    issue = assigned_to(agent)
    press(board, "comment_on_issue", issue.identifier, body="Please use the new client.")
    comment = IssueComment.objects.get()
    assert (comment.body, comment.author_user_id) == ("Please use the new client.", owner.pk)
    assert WakeupRequest.objects.filter(agent=agent, issue=issue).exists()


def test_an_empty_comment_is_refused_in_words(board: Client, agent: Agent) -> None:
    issue = assigned_to(agent)
    assert told(press(board, "comment_on_issue", issue.identifier, body="  ")) == "A comment needs words."
    assert not IssueComment.objects.exists()


def test_an_issue_is_assigned_taken_back_and_moved(board: Client, owner: User, agent: Agent) -> None:
    issue = assigned_to(agent, status=IssueStatus.BACKLOG)
    for chosen, owned in (
        (f"user:{owner.pk}", (None, owner.pk)),
        ("", (None, None)),
        (f"agent:{agent.pk}", (agent.pk, None)),
    ):
        press(board, "assign_issue", issue.identifier, assignee=chosen)
        issue.refresh_from_db()
        assert (issue.assignee_agent_id, issue.assignee_user_id) == owned
    assert issue.status == IssueStatus.TODO
    press(board, "set_issue_status", issue.identifier, status="done")
    issue.refresh_from_db()
    assert issue.status == IssueStatus.DONE
    assert told(press(board, "set_issue_status", issue.identifier, status="nonsense")) == "Choose a status."


def test_an_agent_of_another_company_cannot_be_given_the_issue(board: Client, agent: Agent) -> None:
    issue = assigned_to(agent)
    foreign = AgentFactory(company=CompanyFactory())
    for chosen in (f"agent:{foreign.pk}", "agent:nonsense", "hidden_at:2026-01-01"):
        press(board, "assign_issue", issue.identifier, assignee=chosen)
        issue.refresh_from_db()
        assert issue.assignee_agent_id == agent.pk


def test_errors_are_acknowledged_once(board: Client, agent: Agent) -> None:
    now = utc_now()
    group = ErrorGroup.objects.create(
        company=agent.company, agent=agent, severity="error", fingerprint="f", message="m", first_seen_at=now,
        last_seen_at=now,
    )  # fmt: skip
    assert told(press(board, "act_on_errors", group.pk, "acknowledge")) == "The errors are acknowledged."
    group.refresh_from_db()
    assert group.state == TriageState.ACKNOWLEDGED
    press(board, "act_on_errors", group.pk, "resolve")
    assert "faster" in told(press(board, "act_on_errors", group.pk, "acknowledge"))


def test_a_new_issue_is_created_assigned_and_wakes_its_agent(board: Client, agent: Agent) -> None:
    form = {"title": "Fix the login", "description": "It is slow", "assignee": f"agent:{agent.pk}", "priority": "high"}
    answer = board.post("/issues/new/", form)
    issue = Issue.objects.get()
    assert answer["Location"] == f"/issues/{issue.identifier}/"
    assert (issue.status, issue.priority, issue.assignee_agent_id) == ("todo", "high", agent.pk)
    assert WakeupRequest.objects.filter(agent=agent, issue=issue, reason="issue_assigned").exists()


def test_a_new_issue_without_owner_waits_in_the_backlog(board: Client, agent: Agent) -> None:
    board.post("/issues/new/", {"title": "Later", "priority": "low"})
    assert Issue.objects.get().status == IssueStatus.BACKLOG


def test_a_form_with_gaps_is_shown_again_with_what_is_missing(board: Client, agent: Agent) -> None:
    answer = board.post("/issues/new/", {"title": "", "priority": "low"})
    assert answer.status_code == 422
    assert "This field is required." in answer.content.decode()
    assert not Issue.objects.exists()


def test_sweeps_are_run_asked_and_switched_by_the_operator_alone(admin: Client, board: Client) -> None:
    assert press(board, "act_on_sweep", "prune", "off").status_code == 403
    assert press(board, "act_on_sweep", "prune", "run").status_code == 403
    press(admin, "act_on_sweep", "prune", "off")
    assert SweepState.objects.get(sweep="prune").enabled is False
    assert "Pruning looked at" in told(press(admin, "act_on_sweep", "prune", "run"))
    assert SweepRun.objects.filter(sweep="prune").count() == 1
    assert "would do" in told(press(admin, "act_on_sweep", "prune", "dry-run"))
    assert SweepRun.objects.filter(sweep="prune").count() == 1
    assert press(admin, "act_on_sweep", "nonsense", "run").status_code == 404


def test_a_silent_run_may_go_on(board: Client, agent: Agent) -> None:
    silent = utc_now() - timedelta(hours=5)
    run = running_run(agent=agent, started_at=silent, last_output_at=silent)
    page = reverse("run_page", args=[run.pk])
    assert "It may go on" in board.get(page).content.decode()
    assert "half hour" in told(press(board, "let_run_go_on", run.pk))
    assert "It may go on" not in board.get(page).content.decode()
    assert 'data-level="snoozed"' in board.get("/board/running/").content.decode()
    assert "silent" not in {row.kind for row in needs_rows(agent.company_id, now=utc_now(), may_act=True)}


def test_a_mass_loss_is_confirmed_once_and_by_the_operator(admin: Client, board: Client, company: Company) -> None:
    incident = MassLossIncident.objects.create(opened_at=utc_now(), live_leases=20, due_leases=11)
    assert "11 of 20 live runs lost their lease at once" in board.get("/").content.decode()
    assert press(board, "confirm_incident", incident.pk).status_code == 403
    assert "They are lost" in admin.get("/recovery/").content.decode()
    assert told(press(admin, "confirm_incident", incident.pk)).startswith("Confirmed")
    assert told(press(admin, "confirm_incident", incident.pk)).startswith("Somebody")


def test_no_button_obeys_a_viewer_a_stranger_or_the_signed_out(
    viewer: Client, stranger: Client, client: Client, agent: Agent
) -> None:
    issue = assigned_to(agent)
    run = running_run(agent=agent, issue=issue)
    presses: list[tuple[str, tuple[object, ...]]] = [
        ("act_on_run", (run.pk, "cancel")),
        ("act_on_run", (run.pk, "again")),
        ("let_run_go_on", (run.pk,)),
        ("act_on_agent", (agent.pk, "pause")),
        ("comment_on_issue", (issue.identifier,)),
        ("assign_issue", (issue.identifier,)),
        ("set_issue_status", (issue.identifier,)),
        ("wake_for_issue", (issue.identifier,)),
    ]
    assert {name for name, _ in presses} | {"act_on_errors", "act_on_sweep", "confirm_incident"} == {
        pattern.name for pattern in acts
    }
    before = list(ActivityEvent.objects.values_list("id"))
    for name, args in presses:
        form = {"body": "x", "status": "done", "assignee": ""}
        assert press(viewer, name, *args, **form).status_code == 403, name
        assert press(stranger, name, *args, **form).status_code == 404, name
        assert press(client, name, *args, **form)["Location"].startswith("/login/"), name
    assert viewer.get("/issues/new/").status_code == 403
    assert viewer.post("/issues/new/", {"title": "x", "priority": "low"}).status_code == 403
    run.refresh_from_db()
    assert (run.status, list(ActivityEvent.objects.values_list("id"))) == (RunStatus.RUNNING, before)


def test_a_post_without_the_token_is_refused(owner: User, agent: Agent) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    assert press(strict, "act_on_agent", agent.pk, "pause").status_code == 403
    agent.refresh_from_db()
    assert agent.status == AgentStatus.IDLE


@pytest.mark.parametrize("page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_no_button_leads_away(board: Client, agent: Agent, page: str) -> None:
    answer = board.post(reverse("act_on_agent", args=[agent.pk, "wake"]), {"next": page})
    assert answer["Location"] == "/"


def test_an_address_of_a_button_cannot_be_opened(board: Client, agent: Agent) -> None:
    assert board.get(reverse("act_on_agent", args=[agent.pk, "wake"])).status_code == 405
