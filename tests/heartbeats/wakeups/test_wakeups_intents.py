"""A server that dies between a commit and what should follow it loses nothing (spec/6, law 9; spec/4 section 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db.models import F

from agents.actors import Actor, ActorSource
from agents.lifecycle import pause_agent, resume_agent
from agents.models import Agent
from config.common import after_commit
from config.common.clock import database_now, utc_now
from heartbeats.models import HeartbeatRun, Intent, WakeupRequest
from heartbeats.models.intent import IntentKind
from heartbeats.vocabulary import WakeupRowReason, WakeupStatus
from heartbeats.wakeups import intents, trigger_rules
from heartbeats.wakeups.intents import carry_out, intend, overdue_intents
from issues.checkout import checkout_issue, force_release_issue
from issues.commenting import add_comment
from issues.creating import NewIssue, create_issue
from issues.holds.bookkeeping import Order
from issues.holds.holding import hold_tree
from issues.interactions.answering import accept
from issues.models import Interaction, Issue, IssueComment
from issues.speech_rules import NO_WISHES, Wishes
from issues.updating import Edit, update_issue
from issues.vocabulary import HoldMode, IssueStatus
from recovery.models import PoisonRow
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import dry_run, run_sweep
from recovery.vocabulary import SweepName
from tests.factories.agents import AgentFactory, UserFactory
from tests.factories.heartbeats import HeartbeatRunFactory, WakeupRequestFactory, running_run
from tests.factories.issues import IssueFactory, IssueRelationFactory, assigned_to
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def agent() -> Agent:
    made: Agent = AgentFactory()
    return made


@pytest.fixture
def board() -> Actor:
    return Actor(source=ActorSource.SESSION, user_id=UserFactory().pk, is_instance_admin=True)


@pytest.fixture
def dying() -> Iterator[pytest.MonkeyPatch]:
    """The failpoint: whatever is to follow a commit does not happen, until `undo`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(after_commit._Call, "__call__", lambda _call: None)
        yield patch


def pass_time() -> None:
    Intent.objects.update(asked_at=F("asked_at") - timedelta(seconds=6))
    HeartbeatRun.objects.update(created_at=F("created_at") - timedelta(seconds=6))


def sweep_later(dying: pytest.MonkeyPatch) -> None:
    """The server is back, and a sweep comes by."""
    dying.undo()
    pass_time()
    for name in (SweepName.DISPATCH_QUEUED, SweepName.RECONCILE_STRANDED):
        assert run_sweep(sweep_named(name)).results.errors == 0
    assert not Intent.objects.exists()


def created(board: Actor, agent: Agent) -> None:
    columns = {"title": "Work", "status": IssueStatus.TODO, "assignee_agent_id": agent.pk}
    create_issue(board, agent.company_id, NewIssue(columns=columns), now=utc_now())


def given(board: Actor, agent: Agent) -> None:
    issue = IssueFactory(company=agent.company, status=IssueStatus.TODO)
    update_issue(board, issue.pk, Edit(columns={"assignee_agent_id": agent.pk}), now=utc_now())


def moved(board: Actor, agent: Agent) -> None:
    issue = assigned_to(agent, status=IssueStatus.BACKLOG)
    update_issue(board, issue.pk, Edit(columns={"status": IssueStatus.TODO}), now=utc_now())


def commented(board: Actor, agent: Agent, status: IssueStatus = IssueStatus.IN_REVIEW) -> None:
    add_comment(board, assigned_to(agent, status=status).pk, "Please look.", NO_WISHES, now=utc_now())


def mentioned(board: Actor, agent: Agent) -> None:
    issue = IssueFactory(company=agent.company, status=IssueStatus.DONE)
    add_comment(board, issue.pk, f"@{agent.name}, please look.", NO_WISHES, now=utc_now())


def unblocked(board: Actor, agent: Agent) -> None:
    blocker = IssueFactory(company=agent.company, status=IssueStatus.TODO)
    IssueRelationFactory(blocker=blocker, blocked=assigned_to(agent, status=IssueStatus.BLOCKED))
    update_issue(board, blocker.pk, Edit(columns={"status": IssueStatus.DONE}), now=utc_now())


def children_done(board: Actor, agent: Agent) -> None:
    parent = assigned_to(agent, status=IssueStatus.IN_REVIEW)
    child = IssueFactory(company=agent.company, status=IssueStatus.TODO, parent=parent)
    update_issue(board, child.pk, Edit(columns={"status": IssueStatus.CANCELLED}), now=utc_now())


def children_cancelled_by_a_hold(board: Actor, agent: Agent) -> None:
    child = IssueFactory(
        company=agent.company, status=IssueStatus.TODO, parent=assigned_to(agent, status=IssueStatus.IN_REVIEW)
    )
    hold_tree(board, child.pk, Order(mode=HoldMode.CANCEL), now=utc_now())


def checked_out(board: Actor, agent: Agent) -> None:
    issue = assigned_to(agent)
    checkout_issue(board, issue.pk, agent_id=agent.pk, expected=[IssueStatus.TODO], now=utc_now())


def answered(board: Actor, agent: Agent) -> None:
    question = Interaction.objects.create(
        company=agent.company,
        issue=assigned_to(agent, status=IssueStatus.IN_REVIEW),
        kind="request_confirmation",
        continuation_policy="wake_assignee",
        payload={"version": 1, "prompt": "Ship it?"},
        author_agent=agent,
    )
    accept(board, question.issue_id, question.pk, selected=None, now=utc_now())


def restored(board: Actor, agent: Agent) -> None:
    issue = assigned_to(agent)
    for mode in (HoldMode.CANCEL, HoldMode.RESTORE):
        hold_tree(board, issue.pk, Order(mode=mode, metadata={"wakeAgents": True}), now=utc_now())


def resumed(board: Actor, agent: Agent) -> None:
    issue = assigned_to(agent)
    hold_tree(board, issue.pk, Order(mode=HoldMode.PAUSE), now=utc_now())
    WakeupRequestFactory(agent=agent, issue=issue, status="skipped", reason="issue_tree_hold_active")
    hold_tree(board, issue.pk, Order(mode=HoldMode.RESUME), now=utc_now())


def released(board: Actor, agent: Agent) -> None:
    issue = assigned_to(agent)
    WakeupRequestFactory(
        agent=agent,
        issue=issue,
        status="deferred_issue_execution",
        context={"issueId": str(issue.pk), "wakeReason": "issue_commented"},
        wake_reason="issue_commented",
    )
    force_release_issue(board, issue.pk, clear_assignee=False, now=utc_now())


WAKES: dict[str, Callable[[Actor, Agent], None]] = {
    "W1 issue_assigned": created,
    "W3 issue_assigned": given,
    "W4 issue_status_changed": moved,
    "W5 issue_commented": commented,
    "W6 issue_reopened_via_comment": partial(commented, status=IssueStatus.DONE),
    "W7 issue_comment_mentioned": mentioned,
    "W8a issue_blockers_resolved": unblocked,
    "W8b issue_children_completed": children_done,
    "W8b issue_children_completed, by a hold": children_cancelled_by_a_hold,
    "W9 issue_checked_out": checked_out,
    "W10 issue_commented": answered,
    "W12 issue_tree_restored": restored,
    "resumed issue_tree_resumed": resumed,
    "released issue_commented": released,
}


@pytest.mark.parametrize("rule", WAKES)
def test_a_wake_that_was_lost_after_its_commit_is_found_by_the_sweep(
    rule: str, board: Actor, agent: Agent, dying: pytest.MonkeyPatch
) -> None:
    WAKES[rule](board, agent)
    assert not HeartbeatRun.objects.exists()
    sweep_later(dying)
    run = HeartbeatRun.objects.get()
    assert (run.agent_id, run.status) == (agent.pk, "queued")
    assert run.wake_reason == rule.split()[1].rstrip(",")


@pytest.mark.parametrize("rule", WAKES)
def test_nothing_is_left_to_sweep_when_nobody_dies(rule: str, board: Actor, agent: Agent) -> None:
    WAKES[rule](board, agent)
    assert HeartbeatRun.objects.get().agent_id == agent.pk
    assert not Intent.objects.exists()


def test_a_lost_comment_says_who_spoke_and_what(board: Actor, agent: Agent, dying: pytest.MonkeyPatch) -> None:
    issue = assigned_to(agent)
    comment = add_comment(board, issue.pk, "Please look.", NO_WISHES, now=utc_now()).comment
    sweep_later(dying)
    run, wakeup = HeartbeatRun.objects.get(), WakeupRequest.objects.get()
    assert run.context["wakeCommentIds"] == [str(comment.pk)]
    assert run.wake_comment_id == comment.pk
    assert (wakeup.requested_by_type, wakeup.requested_by_id) == ("user", str(board.user_id))


def held(board: Actor, issue: Issue, mode: HoldMode) -> None:
    hold_tree(board, issue.pk, Order(mode=mode), now=utc_now())


def cancelled(board: Actor, issue: Issue) -> None:
    update_issue(board, issue.pk, Edit(columns={"status": IssueStatus.CANCELLED}), now=utc_now())


def interrupted(board: Actor, issue: Issue) -> None:
    add_comment(board, issue.pk, "Stop.", Wishes(interrupt=True), now=utc_now())


ENDS: dict[str, Callable[[Actor, Issue], None]] = {
    "pause hold": partial(held, mode=HoldMode.PAUSE),
    "cancel hold": partial(held, mode=HoldMode.CANCEL),
    "cancelled": cancelled,
    "interrupted": interrupted,
}


@pytest.mark.parametrize("cause", ENDS)
def test_a_run_that_should_have_ended_after_the_commit_is_ended_by_the_sweep(
    cause: str, board: Actor, agent: Agent, dying: pytest.MonkeyPatch
) -> None:
    issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
    run = running_run(agent=agent, issue=issue)
    Issue.objects.filter(pk=issue.pk).update(execution_run=run)
    ENDS[cause](board, issue)
    run.refresh_from_db()
    assert run.status == "running"
    sweep_later(dying)
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_a_run_that_came_after_the_cancel_is_not_meant_by_it(
    board: Actor, agent: Agent, dying: pytest.MonkeyPatch
) -> None:
    issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
    cancelled(board, issue)
    update_issue(board, issue.pk, Edit(columns={"status": IssueStatus.TODO}), now=utc_now())
    Intent.objects.filter(kind=IntentKind.WAKE).delete()
    later = HeartbeatRunFactory(agent=agent, issue=issue)
    HeartbeatRun.objects.filter(pk=later.pk).update(created_at=database_now())
    sweep_later(dying)
    later.refresh_from_db()
    assert later.status == "queued"


def test_a_change_that_is_undone_asks_for_nothing(board: Actor, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    issue = assigned_to(agent)
    monkeypatch.setattr("issues.commenting.news.tell", _tell_and_fail)
    with pytest.raises(RuntimeError):
        add_comment(board, issue.pk, "Please look.", NO_WISHES, now=utc_now())
    assert not Intent.objects.exists()
    assert not WakeupRequest.objects.exists()


def _tell_and_fail(hook: Any, news: Any) -> None:
    hook.tell(news)
    raise RuntimeError("the rest of the verb fails")


def test_a_fault_in_a_rule_does_not_fail_the_comment(
    board: Actor, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigger_rules, "on_commented", lambda *_: 1 / 0)
    issue = assigned_to(agent)
    add_comment(board, issue.pk, "Please look.", NO_WISHES, now=utc_now())
    assert IssueComment.objects.get().body == "Please look."


def test_eight_that_carry_out_one_intent_at_once_wake_once(
    board: Actor, agent: Agent, dying: pytest.MonkeyPatch
) -> None:
    add_comment(board, assigned_to(agent).pk, "Please look.", NO_WISHES, now=utc_now())
    dying.undo()
    intent_id = Intent.objects.get().pk
    assert sorted(race([partial(carry_out, intent_id, utc_now())] * 8)) == [False] * 7 + [True]
    assert WakeupRequest.objects.count() == 1


def test_what_is_asked_for_this_moment_is_left_to_whoever_asked(
    board: Actor, agent: Agent, dying: pytest.MonkeyPatch
) -> None:
    created(board, agent)
    assert overdue_intents(database_now(), None, 10) == []
    assert len(overdue_intents(database_now() + intents.GRACE, None, 10)) == 1


def test_an_intent_that_raises_is_flagged_kept_and_holds_nobody_up(
    board: Actor, agent: Agent, dying: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = intents.Wanted(IntentKind.INTERRUPT, {"runId": "no id"})
    intend(agent.company_id, board, [broken], now=utc_now())
    created(board, agent)
    dying.undo()
    pass_time()
    assert run_sweep(sweep_named(SweepName.DISPATCH_QUEUED)).results.errors == 1
    assert HeartbeatRun.objects.get().agent_id == agent.pk
    left = Intent.objects.get()
    assert (left.kind, PoisonRow.objects.get().row_id) == (IntentKind.INTERRUPT, left.pk)


def test_a_dry_run_carries_out_nothing(board: Actor, agent: Agent, dying: pytest.MonkeyPatch) -> None:
    created(board, agent)
    pass_time()
    assert dry_run(sweep_named(SweepName.DISPATCH_QUEUED)).results.acted == 1
    assert Intent.objects.exists()


def test_of_two_blockers_that_close_at_once_the_last_wakes_who_waited(board: Actor, agent: Agent) -> None:
    for _ in range(4):
        blocked = assigned_to(agent, status=IssueStatus.BLOCKED)
        blockers = [IssueFactory(company=agent.company, status=IssueStatus.TODO) for _ in range(2)]
        for blocker in blockers:
            IssueRelationFactory(blocker=blocker, blocked=blocked)
        done = Edit(columns={"status": IssueStatus.DONE})
        race([partial(update_issue, board, blocker.pk, done, now=utc_now()) for blocker in blockers])
        assert HeartbeatRun.objects.get(issue=blocked).wake_reason == "issue_blockers_resolved"


def test_a_comment_whose_wake_meets_an_agent_that_was_paused_meanwhile_leaves_its_reason(
    board: Actor, agent: Agent, dying: pytest.MonkeyPatch
) -> None:
    commented(board, agent, IssueStatus.BLOCKED)
    pause_agent(board, agent.pk, now=utc_now())
    sweep_later(dying)

    row = WakeupRequest.objects.get()
    assert (row.status, row.reason) == (WakeupStatus.SKIPPED, WakeupRowReason.AGENT_NOT_INVOKABLE)
    assert (row.wake_comment, row.agent) == (IssueComment.objects.get(), agent)


def test_a_comment_for_a_paused_agent_reaches_it_after_its_resume(board: Actor, agent: Agent) -> None:
    pause_agent(board, agent.pk, now=utc_now())
    commented(board, agent)
    issue = Issue.objects.get()
    add_comment(board, issue.pk, "And this.", NO_WISHES, now=utc_now())
    resume_agent(board, agent.pk, now=utc_now())
    WakeupRequest.objects.update(requested_at=F("requested_at") - timedelta(seconds=11))

    first, second = (run_sweep(sweep_named(SweepName.RECONCILE_STRANDED)).results for _ in range(2))

    run = HeartbeatRun.objects.get()
    assert run.context["wakeCommentIds"] == [str(one.pk) for one in issue.comments.order_by("created_at")]
    assert (run.wake_reason, first.acted, second.acted) == ("issue_commented", 1, 0)
