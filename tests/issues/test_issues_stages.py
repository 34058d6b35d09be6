"""Review and approval stages over HTTP, and the rules behind them (spec/4, W2)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.models import ActivityEvent
from heartbeats.models import WakeupRequest
from issues.models import Issue
from issues.stage_rules import Party, Reach, StageRefusal, advance, party_of
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import running_run
from tests.factories.issues import IssueFactory, assigned_to
from tests.issues.conftest import Shop, speaking_for


def stage(kind: str, *agents: Any) -> dict[str, Any]:
    return {"type": kind, "participants": [{"type": "agent", "agentId": str(agent.pk)} for agent in agents]}


def patch(client: Any, issue: Issue, **body: Any) -> Any:
    return client.patch(f"/api/issues/{issue.pk}", body, format="json")


def reasons() -> list[tuple[str, str | None]]:
    rows = WakeupRequest.objects.order_by("requested_at", "pk")
    return list(rows.values_list("agent__name", "wake_reason"))


@pytest.mark.django_db(transaction=True)
def test_w2_work_goes_through_review_changes_and_approval(shop: Shop) -> None:
    policy = {"stages": [stage("review", shop.worker, shop.mate), stage("approval", shop.ceo)]}
    issue = assigned_to(shop.worker, status=IssueStatus.IN_PROGRESS, execution_policy=None)
    assert patch(shop.owner, issue, executionPolicy=policy).status_code == 200
    asked = patch(shop.owner, issue, status="done", reviewRequest={"instructions": "Check the hinge"}).json()
    assert (asked["status"], asked["assigneeAgentId"], asked["completedAt"]) == ("in_review", str(shop.mate.pk), None)
    assert asked["executionState"]["reviewRequest"] == {"instructions": "Check the hinge"}
    issue.refresh_from_db()
    assert issue.review_participant_agent_id == shop.mate.pk
    wake = WakeupRequest.objects.get()
    stage_told = (wake.payload or {})["executionStage"]
    assert (wake.wake_reason, wake.source) == ("execution_review_requested", "assignment")
    assert (stage_told["wakeRole"], stage_told["allowedActions"]) == ("reviewer", ["approve", "request_changes"])

    mate = speaking_for(running_run(agent=shop.mate))
    silent = patch(mate, issue, status="in_progress")
    assert (silent.status_code, silent.json()) == (422, {"error": "Requesting changes requires a comment"})
    changes = patch(mate, issue, status="in_progress", comment="It squeaks").json()
    assert (changes["status"], changes["assigneeAgentId"]) == ("in_progress", str(shop.worker.pk))
    assert reasons()[-1] == ("Worker", "execution_changes_requested")

    worker = speaking_for(running_run(agent=shop.worker))
    assert patch(worker, issue, status="done").json()["status"] == "in_review"
    approved = patch(mate, issue, status="done", comment="Good").json()
    assert (approved["status"], approved["assigneeAgentId"]) == ("in_review", str(shop.ceo.pk))
    assert reasons()[-1] == ("Chief", "execution_approval_requested")
    done = patch(shop.ceo_key, issue, status="done", comment="Ship it").json()
    assert (done["status"], done["executionState"]["status"]) == ("done", "completed")
    issue.refresh_from_db()
    assert issue.review_participant_agent_id is None


@pytest.mark.django_db
def test_nobody_else_passes_the_stage(shop: Shop) -> None:
    issue = assigned_to(shop.worker, execution_policy={"stages": [{**stage("review", shop.mate), "id": "one"}]})
    patch(shop.owner, issue, status="done")
    refused = patch(shop.owner, issue, status="done", comment="I say so")
    assert refused.status_code == 422
    assert refused.json()["error"].startswith("Only the active reviewer")
    assert patch(shop.owner, issue, status="cancelled").json()["executionState"] is None


@pytest.mark.django_db
def test_a_policy_must_be_one_that_can_be_carried_out(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    for stages in ([stage("odd", shop.mate)], [stage("review")], "x", [stage("review", AgentFactory())]):
        assert patch(shop.owner, issue, executionPolicy={"stages": stages}).status_code == 422
        body = {"title": "T", "executionPolicy": {"stages": stages}}
        assert shop.owner.post(shop.issues, body, format="json").status_code == 422


@pytest.mark.django_db
def test_new_reviewers_are_logged(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    patch(shop.owner, issue, executionPolicy={"stages": [stage("review", shop.mate)]})
    details = ActivityEvent.objects.get(action="issue.reviewers_updated").details or {}
    assert [party["agentId"] for party in details["addedParticipants"]] == [str(shop.mate.pk)]
    assert not ActivityEvent.objects.filter(action="issue.approvers_updated").exists()


PARTIES = [Party("agent", letter) for letter in "abc"] + [Party("user", "u")]
parties = st.sampled_from(PARTIES)
stages = st.lists(
    st.builds(
        lambda kind, named, number: {"id": str(number), "type": kind, "participants": [p.body() for p in named]},
        st.sampled_from(["review", "approval"]),
        st.lists(parties, min_size=1, max_size=3),
        st.integers(0, 99),
    ),
    max_size=3,
    unique_by=lambda entry: entry["id"],
)
moves = st.lists(st.tuples(parties, st.sampled_from(list(IssueStatus)), st.booleans()), max_size=12)


@given(stages, moves)
def test_whatever_is_tried_no_one_approves_their_own_work(policy: list[dict[str, Any]], tried: Any) -> None:
    state: dict[str, Any] | None = None
    status, assignee = IssueStatus.TODO, PARTIES[0]
    for actor, wanted, speaks in tried:
        pending = (state or {}).get("status") == "pending"
        reach = Reach(before=status, status=wanted, assignee=assignee, actor=actor, comment="c" if speaks else None)
        try:
            step = advance({"stages": policy}, state, reach)
        except StageRefusal:
            continue
        status = step.status if step and step.status else wanted
        state = step.state if step else state
        assignee = step.assignee if step and step.assignee else assignee
        if (state or {}).get("status") == "pending" and status == IssueStatus.IN_REVIEW:
            participant = party_of((state or {}).get("currentParticipant"))
            assert participant is not None
            assert participant != party_of((state or {}).get("returnAssignee"))
        if pending and status == IssueStatus.DONE:
            assert speaks
