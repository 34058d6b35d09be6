"""Which wakes a change asks for: W1 to W12 of spec/4 section 5, row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.actors import Actor, ActorSource
from heartbeats.vocabulary import WakeupSource
from heartbeats.wakeups import trigger_rules as rules
from issues import announcements as said
from issues.consequences import ChildrenCompleted, Unblocked
from issues.vocabulary import IssueStatus

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PERSON = Actor(source=ActorSource.SESSION, user_id=uuid4())
OWNER, OTHER, RUN = uuid4(), uuid4(), uuid4()
ISSUE, COMPANY, COMMENT = uuid4(), uuid4(), uuid4()
ID = str(ISSUE)


def issue(status: IssueStatus = IssueStatus.TODO, owner: UUID | None = OWNER) -> said.IssueFacts:
    return said.IssueFacts(id=ISSUE, company_id=COMPANY, identifier="T-1", status=status, assignee_agent_id=owner)


def comment(author: UUID | None = None) -> said.CommentFacts:
    return said.CommentFacts(id=COMMENT, body="Hello", author_agent_id=author)


def updated(before: said.IssueFacts, after: said.IssueFacts, **more: Any) -> said.IssueUpdated:
    changed = before.assignee_agent_id != after.assignee_agent_id
    return said.IssueUpdated(before=before, issue=after, actor=PERSON, now=NOW, assignee_changed=changed, **more)


def commented(status: IssueStatus = IssueStatus.TODO, **more: Any) -> said.IssueCommented:
    fields: dict[str, Any] = {"before": issue(status), "issue": issue(status), "comment": comment(), **more}
    return said.IssueCommented(actor=PERSON, now=NOW, **fields)


def seen(wakes: list[rules.Wake]) -> list[tuple[UUID, str, str]]:
    return [(wake.agent_id, str(wake.source), wake.reason) for wake in wakes]


@pytest.mark.parametrize("source", ["issue.create", "issue.child_create"])
def test_w1(source: str) -> None:
    (wake,) = rules.on_created(said.IssueCreated(issue=issue(), source=source, actor=PERSON, now=NOW))
    assert seen([wake]) == [(OWNER, "assignment", "issue_assigned")]
    assert wake.payload == {"issueId": ID, "mutation": "create"}
    assert wake.context == {"issueId": ID, "source": source}


@pytest.mark.parametrize("status", [IssueStatus.BACKLOG, IssueStatus.DONE, IssueStatus.CANCELLED])
def test_w1_not_for_what_is_not_to_be_worked_on(status: IssueStatus) -> None:
    news = said.IssueCreated(issue=issue(status), source="issue.create", actor=PERSON, now=NOW)
    assert rules.on_created(news) == []
    assert rules.on_created(replace(news, issue=issue(owner=None))) == []


def test_w2_comes_before_w3_and_w4_and_tells_the_stage() -> None:
    stage = said.StageMove(agent_id=OTHER, reason="execution_review_requested", facts={"stageId": "s"})
    news = updated(issue(IssueStatus.BACKLOG), issue(IssueStatus.IN_REVIEW, OTHER), stage=stage)
    (wake,) = rules.on_updated(replace(news, flags=said.Flags(resume_intent=True, interrupted_run_id=RUN)))
    assert seen([wake]) == [(OTHER, "assignment", "execution_review_requested")]
    told = {"executionStage": {"stageId": "s"}, "interruptedRunId": str(RUN)}
    assert wake.payload == {"issueId": ID, "mutation": "update", **told}
    assert wake.context == {
        "issueId": ID,
        "taskId": ID,
        "wakeReason": "execution_review_requested",
        "source": "issue.execution_stage",
        **told,
    }


def test_w3_with_comment_and_flags() -> None:
    flags = said.Flags(resume_intent=True, follow_up_requested=True, interrupted_run_id=RUN)
    news = updated(issue(), issue(owner=OTHER), comment=comment(), flags=flags)
    (wake,) = rules.on_updated(news)
    told = {"resumeIntent": True, "followUpRequested": True, "interruptedRunId": str(RUN)}
    spoken = {"commentId": str(COMMENT)}
    assert seen([wake]) == [(OTHER, "assignment", "issue_assigned")]
    assert wake.payload == {"issueId": ID, "mutation": "update", **spoken, **told}
    context = {"issueId": ID, "taskId": ID, "wakeCommentId": str(COMMENT), "source": "issue.update"}
    assert wake.context == {**context, **spoken, **told}


def test_w3_not_in_the_backlog_and_not_for_nobody() -> None:
    assert rules.on_updated(updated(issue(), issue(IssueStatus.BACKLOG, OTHER))) == []
    assert rules.on_updated(updated(issue(), issue(owner=None))) == []


REVIVING = {IssueStatus.BLOCKED, IssueStatus.DONE, IssueStatus.CANCELLED}


@given(st.sampled_from(list(IssueStatus)), st.sampled_from(list(IssueStatus)))
def test_w4_is_the_table(before: IssueStatus, after: IssueStatus) -> None:
    wakes = rules.on_updated(updated(issue(before), issue(after)))
    left_backlog = before == IssueStatus.BACKLOG and after != IssueStatus.BACKLOG
    expected = left_backlog or (before in REVIVING and after == IssueStatus.TODO)
    assert seen(wakes) == ([(OWNER, "automation", "issue_status_changed")] if expected else [])
    for wake in wakes:
        assert wake.payload == {"issueId": ID, "mutation": "update"}
        assert wake.context == {"issueId": ID, "source": "issue.status_change"}


def test_w5() -> None:
    (wake,) = rules.on_commented(commented())
    assert seen([wake]) == [(OWNER, "automation", "issue_commented")]
    assert wake.payload == {"issueId": ID, "commentId": str(COMMENT), "mutation": "comment"}
    assert wake.context == {
        "issueId": ID,
        "taskId": ID,
        "commentId": str(COMMENT),
        "wakeCommentId": str(COMMENT),
        "source": "issue.comment",
        "wakeReason": "issue_commented",
    }


def test_w5_not_for_the_assignees_own_words_nor_on_closed_issues_nor_without_assignee() -> None:
    assert rules.on_commented(commented(comment=comment(OWNER))) == []
    assert rules.on_commented(commented(IssueStatus.DONE)) == []
    assert rules.on_commented(commented(issue=issue(owner=None))) == []


def test_w6_even_for_its_author() -> None:
    news = commented(comment=comment(OWNER), reopened_from=IssueStatus.DONE)
    (wake,) = rules.on_commented(news)
    assert wake.reason == "issue_reopened_via_comment"
    assert (wake.payload["reopenedFrom"], wake.context["reopenedFrom"]) == ("done", "done")
    assert wake.context["source"] == "issue.comment.reopen"


def test_w7_for_everybody_mentioned_but_the_author() -> None:
    news = commented(IssueStatus.DONE, comment=comment(OTHER))
    wakes = rules.on_commented(news, [OWNER, OTHER])
    assert seen(wakes) == [(OWNER, "automation", "issue_comment_mentioned")]
    assert wakes[0].payload == {"issueId": ID, "commentId": str(COMMENT)}
    assert wakes[0].context["source"] == "comment.mention"


def test_in_a_comment_the_assignees_wake_wins_and_in_a_patch_the_mention() -> None:
    assert seen(rules.combine(rules.on_commented(commented(), [OWNER]))) == [(OWNER, "automation", "issue_commented")]
    news = updated(issue(), issue(), comment=comment())
    assert seen(rules.combine(rules.on_updated(news, [OWNER]))) == [(OWNER, "automation", "issue_comment_mentioned")]


def test_w8a_for_each_issue_that_waits_no_more() -> None:
    blocker = replace(issue(IssueStatus.DONE), id=uuid4())
    unblocked = [Unblocked(issue(), [blocker.id]), Unblocked(issue(owner=None), [blocker.id])]
    (wake,) = rules.on_unblocked(blocker, unblocked)
    facts = {"issueId": ID, "resolvedBlockerIssueId": str(blocker.id), "blockerIssueIds": [str(blocker.id)]}
    assert seen([wake]) == [(OWNER, "automation", "issue_blockers_resolved")]
    assert wake.payload == facts
    context = {"taskId": ID, "wakeReason": "issue_blockers_resolved", "source": "issue.blockers_resolved"}
    assert wake.context == {**facts, **context}


def test_w8b_tells_what_the_children_came_to() -> None:
    child = replace(issue(IssueStatus.DONE), id=uuid4())
    completed = ChildrenCompleted(issue(), [child.id], [{"id": str(child.id)}], truncated=True)
    (wake,) = rules.on_children_completed(child, completed)
    assert wake.reason == "issue_children_completed"
    assert wake.payload["completedChildIssueId"] == str(child.id)
    assert (wake.payload["childIssueSummaries"], wake.payload["childIssueSummaryTruncated"]) == (
        [{"id": str(child.id)}],
        True,
    )
    assert wake.context["source"] == "issue.children_completed"


def test_w9_unless_the_agents_own_run_took_it() -> None:
    news = said.IssueCheckedOut(issue=issue(), agent_id=OTHER, by_its_own_run=False, actor=PERSON, now=NOW)
    (wake,) = rules.on_checked_out(news)
    assert seen([wake]) == [(OTHER, "assignment", "issue_checked_out")]
    assert wake.payload == {"issueId": ID, "mutation": "checkout"}
    assert wake.context == {"issueId": ID, "source": "issue.checkout"}
    assert rules.on_checked_out(replace(news, by_its_own_run=True)) == []


def answered(**more: Any) -> said.InteractionResolved:
    fields: dict[str, Any] = {
        "issue": issue(),
        "interaction_id": COMMENT,
        "kind": "request_confirmation",
        "status": "accepted",
        "action": "accept",
        "wakes_assignee": True,
        "source_comment_id": None,
        "source_run_id": RUN,
        **more,
    }
    return said.InteractionResolved(actor=PERSON, now=NOW, **fields)


def test_w10() -> None:
    (wake,) = rules.on_interaction(answered())
    facts = {
        "issueId": ID,
        "interactionId": str(COMMENT),
        "interactionKind": "request_confirmation",
        "interactionStatus": "accepted",
        "sourceCommentId": None,
        "sourceRunId": str(RUN),
    }
    assert wake.payload == {**facts, "mutation": "interaction"}
    assert wake.context["source"] == "issue.interaction.accept"
    assert wake.context["wakeReason"] == wake.reason == "issue_commented"


@pytest.mark.parametrize(
    "more", [{"wakes_assignee": False}, {"issue": issue(owner=None)}, {"issue": issue(IssueStatus.DONE)}]
)
def test_w10_not_without_wish_owner_or_open_issue(more: dict[str, Any]) -> None:
    assert rules.on_interaction(answered(**more)) == []


def test_w12_only_when_asked_and_only_for_owned_open_issues() -> None:
    root = uuid4()
    issues = (issue(), issue(owner=None), issue(IssueStatus.BACKLOG), issue(IssueStatus.DONE))
    news = said.TreeRestored(
        company_id=COMPANY, root_issue_id=root, hold_id=RUN, issues=issues, wake_agents=True, actor=PERSON, now=NOW
    )
    (wake,) = rules.on_restored(news)
    assert seen([wake]) == [(OWNER, "assignment", "issue_tree_restored")]
    assert wake.payload == {"issueId": ID, "rootIssueId": str(root), "restoreHoldId": str(RUN)}
    assert wake.context["source"] == "issue.tree_restore"
    assert rules.on_restored(replace(news, wake_agents=False)) == []


@given(st.lists(st.tuples(st.sampled_from([OWNER, OTHER]), st.sampled_from([ISSUE, COMPANY]), st.text(max_size=3))))
def test_one_wake_per_agent_and_issue_and_the_last_counts(asked: list[tuple[UUID, UUID, str]]) -> None:
    wakes = [
        rules.Wake(
            agent_id=agent,
            issue_id=about,
            source=WakeupSource.AUTOMATION,
            reason=reason,
            payload={},
            context={},
        )
        for agent, about, reason in asked
    ]
    kept = {(wake.agent_id, wake.issue_id): wake.reason for wake in rules.combine(wakes)}
    assert kept == {(agent, about): reason for agent, about, reason in asked}
    assert len(rules.combine(wakes)) == len(kept)
