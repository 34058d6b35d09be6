from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.wakeups import context as wake

IDS = st.sampled_from(["c1", "c2", "c3", "c4", "c5"])
JUNK = st.one_of(st.none(), st.integers(), st.just(""), st.just("  "), st.lists(st.integers(), max_size=2))
CONTEXTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "wakeCommentIds": st.one_of(st.lists(st.one_of(IDS, JUNK), max_size=4), JUNK),
        "wakeCommentId": st.one_of(IDS, JUNK),
        "commentId": st.one_of(IDS, JUNK),
        "wakeReason": st.one_of(st.sampled_from(["issue_assigned", "issue_commented", "heartbeat_timer"]), JUNK),
        "coalescedReasons": st.lists(st.sampled_from(["issue_assigned", "approval_approved"]), max_size=2),
        "source": st.sampled_from(["issue.create", "issue.comment", "scheduler"]),
        "issueId": st.one_of(st.just("i1"), JUNK),
        "paperclipWake": st.just({"comments": []}),
        "note": st.text(max_size=3),
    },
)


def enrich(context: dict[str, Any], payload: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"reason": None, "source": None, "trigger_detail": None, **given}
    return wake.enrich(context, payload=payload, **facts)


def test_enrichment_fills_what_is_missing() -> None:
    enriched = enrich({}, {"issueId": "i1"}, reason="issue_assigned", source="assignment", trigger_detail="system")
    assert enriched == {
        "wakeReason": "issue_assigned",
        "issueId": "i1",
        "taskId": "i1",
        "taskKey": "i1",
        "wakeSource": "assignment",
        "wakeTriggerDetail": "system",
    }


def test_enrichment_keeps_what_the_caller_said() -> None:
    said = {
        "wakeReason": "own",
        "issueId": "i2",
        "taskId": "t2",
        "taskKey": "k2",
        "wakeSource": "timer",
        "wakeTriggerDetail": "ping",
    }
    assert enrich(said, {"issueId": "i1"}, reason="r", source="s", trigger_detail="d") == said


def test_task_id_is_the_issue_id_of_the_context() -> None:
    assert enrich({"issueId": "i1"})["taskId"] == "i1"


def test_blank_values_count_as_missing() -> None:
    assert enrich({"wakeReason": "  ", "issueId": 7}, {"issueId": "i1"}, reason="r")["wakeReason"] == "r"
    assert enrich({"issueId": 7}, {"issueId": "i1"})["issueId"] == "i1"


@pytest.mark.parametrize(
    ("context", "payload", "key"),
    [
        ({"taskKey": "a", "taskId": "b", "issueId": "c"}, {"taskKey": "d"}, "a"),
        ({"taskId": "b", "issueId": "c"}, {"taskKey": "d"}, "b"),
        ({"issueId": "c"}, {"taskKey": "d"}, "c"),
        ({}, {"taskKey": "d", "taskId": "e", "issueId": "f"}, "d"),
        ({}, {"taskId": "e", "issueId": "f"}, "e"),
        ({}, {"issueId": "f"}, "f"),
        ({}, {}, None),
    ],
)
def test_task_key_is_the_first_of_context_then_payload(context: Any, payload: Any, key: str | None) -> None:
    assert wake.derive_task_key(context, payload) == key


def test_timer_wakes_about_nothing_share_a_session_key_but_no_task_key() -> None:
    timer = {"wakeSource": "timer"}
    assert wake.derive_task_key(timer) is None
    assert wake.derive_session_key(timer) == "__heartbeat__"
    assert wake.derive_session_key({"wakeSource": "timer", "issueId": "i1"}) == "i1"
    assert wake.derive_session_key({"wakeSource": "on_demand"}) is None


def test_no_key_is_the_same_scope_as_no_key_and_as_the_timers_own() -> None:
    assert wake.same_task_scope(None, None)
    assert wake.same_task_scope(None, "__heartbeat__")
    assert not wake.same_task_scope(None, "i1")
    assert not wake.same_task_scope("i2", "i1")


def test_the_last_comment_id_becomes_the_current_one() -> None:
    enriched = enrich({"wakeCommentIds": ["c1", "c2"], "commentId": "c1"}, {"commentId": "c3"})
    assert enriched["wakeCommentIds"] == ["c1", "c2", "c3"]
    assert enriched["commentId"] == enriched["wakeCommentId"] == "c3"


def test_a_prebuilt_payload_is_dropped_once_there_are_comment_ids() -> None:
    assert "paperclipWake" not in enrich({"paperclipWake": {"old": 1}, "commentId": "c1"})
    assert "paperclipWake" in enrich({"paperclipWake": {"old": 1}})


def test_coalescing_keeps_the_reason_the_run_began_with_and_lists_the_others() -> None:
    live = {"wakeReason": "issue_assigned", "a": 1}
    once = wake.merge_coalesced(live, {"wakeReason": "issue_commented", "a": 2})
    twice = wake.merge_coalesced(once, {"wakeReason": "approval_approved"})
    again = wake.merge_coalesced(twice, {"wakeReason": "issue_commented"})
    assert once["a"] == 2
    assert again["wakeReason"] == "issue_assigned"
    assert again["coalescedReasons"] == ["issue_commented", "approval_approved"]


def test_a_run_without_reason_takes_the_newcomers() -> None:
    merged = wake.merge_coalesced({}, {"wakeReason": "issue_commented"})
    assert merged == {"wakeReason": "issue_commented"}


def test_coalescing_unites_comments_and_makes_the_latest_current() -> None:
    merged = wake.merge_coalesced({"wakeCommentIds": ["c1", "c2"]}, {"commentId": "c3", "paperclipWake": {}})
    assert merged["wakeCommentIds"] == ["c1", "c2", "c3"]
    assert merged["commentId"] == merged["wakeCommentId"] == "c3"
    assert "paperclipWake" not in merged


def test_the_source_of_an_interaction_is_not_displaced_by_another_kind_of_wake() -> None:
    comment = {"wakeReason": "issue_commented", "source": "issue.comment", "commentId": "c1"}
    assigned = {"wakeReason": "issue_assigned", "source": "issue.update"}
    assert wake.merge_coalesced(comment, assigned)["source"] == "issue.comment"
    assert wake.merge_coalesced(assigned, comment)["source"] == "issue.comment"


def test_a_comment_that_joined_another_wake_is_still_an_interaction() -> None:
    assigned = {"wakeReason": "issue_assigned"}
    comment = {"wakeReason": "issue_commented", "commentId": "c1"}
    assert wake.is_interaction_wake(wake.merge_coalesced(assigned, comment))


@pytest.mark.parametrize(
    ("context", "interaction"),
    [
        ({"wakeReason": "issue_commented", "commentId": "c1"}, True),
        ({"wakeReason": "issue_reopened_via_comment", "wakeCommentId": "c1"}, True),
        ({"wakeReason": "issue_comment_mentioned", "wakeCommentIds": ["c1"]}, True),
        ({"wakeReason": "issue_commented"}, False),
        ({"wakeReason": "issue_assigned", "commentId": "c1"}, False),
        ({"commentId": "c1"}, False),
    ],
)
def test_an_interaction_needs_its_reason_and_a_comment(context: Any, interaction: bool) -> None:
    assert wake.is_interaction_wake(context) is interaction


@pytest.mark.parametrize(
    ("context", "followup"),
    [
        ({"commentId": "c1"}, True),
        ({"wakeReason": "approval_approved"}, True),
        ({"coalescedReasons": ["approval_approved"], "wakeReason": "issue_assigned"}, True),
        ({"wakeReason": "issue_commented", "interactionId": "x"}, True),
        ({"wakeReason": "issue_assigned"}, False),
        ({}, False),
    ],
)
def test_followup_is_needed_for_comments_approvals_and_answers(context: Any, followup: bool) -> None:
    assert wake.needs_followup(context) is followup


def test_explicit_resume_sets_the_session_and_fills_issue_and_task() -> None:
    resumed = wake.with_explicit_resume(
        {"taskId": "kept"},
        resume_from_run_id="r1",
        session_display_id="s1",
        session_params={"sessionId": "s1"},
        issue_id="i1",
        task_id="t1",
        task_key="k1",
    )
    assert resumed == {
        "taskId": "kept",
        "resumeFromRunId": "r1",
        "resumeSessionDisplayId": "s1",
        "resumeSessionParams": {"sessionId": "s1"},
        "issueId": "i1",
        "taskKey": "k1",
    }


def test_interactions_on_held_or_blocked_issues_tell_the_agent_so() -> None:
    held = wake.with_hold_interaction({}, {"holdId": "h1"})
    assert held == {"treeHoldInteraction": True, "activeTreeHold": {"holdId": "h1", "interaction": True}}
    blocked = wake.with_blocked_interaction({}, [{"id": "b1", "title": "B"}])
    assert blocked["unresolvedBlockerIssueIds"] == ["b1"]
    assert blocked["unresolvedBlockerCount"] == 1
    assert blocked["dependencyBlockedInteraction"] is True
    assert blocked["unresolvedBlockerSummaries"] == [{"id": "b1", "title": "B"}]


def test_a_promoted_context_is_the_parked_one_enriched() -> None:
    context = wake.promoted_context(
        {"commentId": "c1", "wakeReason": "issue_commented"},
        payload={"x": 1, "issueId": "i1"},
        reason="issue_execution_deferred",
        source="automation",
        trigger_detail="system",
        hold={"holdId": "h1"},
        reopened_from="done",
    )
    assert context["wakeReason"] == "issue_commented"
    assert context["reopenedFrom"] == "done"
    assert context["treeHoldInteraction"] is True
    assert context["taskKey"] == "i1"
    assert context["wakeCommentIds"] == ["c1"]


@given(CONTEXTS, CONTEXTS)
def test_coalescing_never_loses_a_comment_nor_changes_its_arguments(live: Any, incoming: Any) -> None:
    before = deepcopy((live, incoming))
    merged = wake.merge_coalesced(live, incoming)
    assert (live, incoming) == before
    united = list(dict.fromkeys(wake.comment_ids(live) + wake.comment_ids(incoming)))
    assert wake.comment_ids(merged) == united
    assert wake.current_comment_id(merged) == (united[-1] if united else None)


@given(CONTEXTS, CONTEXTS)
def test_coalescing_keeps_every_reason_and_the_first_stays_first(live: Any, incoming: Any) -> None:
    merged = wake.merge_coalesced(live, incoming)
    reasons = list(dict.fromkeys(wake.wake_reasons(live) + wake.wake_reasons(incoming)))
    assert wake.wake_reasons(merged) == reasons
    assert merged == wake.merge_coalesced(merged, merged)


@given(CONTEXTS, CONTEXTS, CONTEXTS)
def test_three_wakes_bring_the_same_comments_however_they_are_joined(a: Any, b: Any, c: Any) -> None:
    left = wake.merge_coalesced(wake.merge_coalesced(a, b), c)
    right = wake.merge_coalesced(a, wake.merge_coalesced(b, c))
    assert wake.comment_ids(left) == wake.comment_ids(right)
    assert wake.wake_reasons(left) == wake.wake_reasons(right)


@given(CONTEXTS, st.one_of(st.none(), CONTEXTS))
def test_enrichment_is_idempotent(context: Any, payload: Any) -> None:
    once = enrich(context, payload, reason="r", source="timer", trigger_detail="system")
    assert enrich(once, payload, reason="other", source="automation", trigger_detail="ping") == once
