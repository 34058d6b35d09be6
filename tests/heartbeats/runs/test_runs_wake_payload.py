from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.wake_payload import (
    MAX_ENVIRONMENT_BYTES,
    ContinuationSummary,
    WakeComment,
    WakeIssue,
    build_wake_payload,
    environment_form,
)

T0 = datetime(2026, 5, 1, 8, 30, 0, 123456, tzinfo=UTC)
ISSUE = WakeIssue("i1", "EB-1", "Title", "todo", "high")


def comment(comment_id: str, body: str = "hello") -> WakeComment:
    return WakeComment(comment_id, "i1", body, T0, "user", "u1")


def build(context: Any, comments: Any = (), **more: Any) -> dict[str, Any]:
    payload = build_wake_payload(context, comments=comments, **{"issue": ISSUE, **more})
    assert payload is not None
    return payload


def test_nothing_to_say_is_no_payload() -> None:
    assert build_wake_payload({"wakeReason": "heartbeat_timer"}, issue=None, comments=[]) is None
    assert build_wake_payload({"commentId": "c1"}, issue=None, comments=[]) is not None
    assert build_wake_payload({"executionStage": {"stageId": "s"}}, issue=None, comments=[]) is not None


def test_the_payload_has_every_field_of_the_contract() -> None:
    assert set(build({})) == {
        "reason", "issue", "childIssueSummaries", "childIssueSummaryTruncated", "livenessContinuation",
        "checkedOutByHarness", "dependencyBlockedInteraction", "treeHoldInteraction", "activeTreeHold",
        "unresolvedBlockerIssueIds", "unresolvedBlockerSummaries", "executionStage", "continuationSummary",
        "commentIds", "latestCommentId", "comments", "commentWindow", "truncated", "fallbackFetchNeeded",
    }  # fmt: skip


def test_facts_of_the_context_are_shown() -> None:
    payload = build(
        {
            "wakeReason": "issue_commented",
            "paperclipHarnessCheckedOut": True,
            "treeHoldInteraction": True,
            "activeTreeHold": {"holdId": "h1"},
            "unresolvedBlockerIssueIds": ["b1", "", 3],
            "livenessContinuationAttempt": 1,
            "livenessContinuationInstruction": "go on",
            "childIssueSummaries": [{"id": "k1"}],
        }
    )
    assert payload["reason"] == "issue_commented"
    assert payload["issue"] == {
        "id": "i1", "identifier": "EB-1", "title": "Title", "status": "todo", "priority": "high",
    }  # fmt: skip
    assert payload["checkedOutByHarness"] is True
    assert payload["activeTreeHold"] == {"holdId": "h1"}
    assert payload["unresolvedBlockerIssueIds"] == ["b1"]
    assert payload["livenessContinuation"]["instruction"] == "go on"
    assert payload["childIssueSummaries"] == [{"id": "k1"}]


def test_comments_come_in_the_order_of_the_wake() -> None:
    payload = build({"wakeCommentIds": ["c2", "c1"]}, [comment("c1"), comment("c2")])
    assert [item["id"] for item in payload["comments"]] == ["c2", "c1"]
    assert payload["latestCommentId"] == "c1"
    assert payload["comments"][0] == {
        "id": "c2", "issueId": "i1", "body": "hello", "bodyTruncated": False,
        "createdAt": "2026-05-01T08:30:00.123Z", "author": {"type": "user", "id": "u1"},
    }  # fmt: skip
    assert not payload["fallbackFetchNeeded"]


def test_a_missing_comment_is_counted_and_asks_for_a_fetch() -> None:
    payload = build({"wakeCommentIds": ["c1", "gone"]}, [comment("c1")])
    assert payload["commentWindow"] == {"requestedCount": 2, "includedCount": 1, "missingCount": 1}
    assert payload["truncated"]
    assert payload["fallbackFetchNeeded"]


def test_the_ninth_comment_is_left_out() -> None:
    ids = [f"c{n}" for n in range(9)]
    payload = build({"wakeCommentIds": ids}, [comment(comment_id) for comment_id in ids])
    assert payload["commentWindow"] == {"requestedCount": 9, "includedCount": 8, "missingCount": 0}
    assert payload["fallbackFetchNeeded"]
    exact = build({"wakeCommentIds": ids[:8]}, [comment(comment_id) for comment_id in ids])
    assert not exact["truncated"]


@pytest.mark.parametrize(
    ("lengths", "included"),
    [
        ([4000], [4000]),
        ([4001], [4000]),
        ([4000] * 3, [4000] * 3),
        ([4000] * 4, [4000] * 3),
        ([4000, 4000, 3999, 9], [4000, 4000, 3999, 1]),
    ],
)
def test_bodies_are_cut_at_4000_each_and_12000_in_all(lengths: list[int], included: list[int]) -> None:
    ids = [f"c{n}" for n in range(len(lengths))]
    rows = [comment(comment_id, "x" * length) for comment_id, length in zip(ids, lengths, strict=True)]
    payload = build({"wakeCommentIds": ids}, rows)
    assert [len(item["body"]) for item in payload["comments"]] == included
    assert payload["truncated"] is (included != lengths)


def test_the_continuation_summary_is_cut_at_4000() -> None:
    payload = build({}, summary=ContinuationSummary("continuation-summary", None, "s" * 4001, T0))
    assert len(payload["continuationSummary"]["body"]) == 4000
    assert payload["continuationSummary"]["bodyTruncated"] is True


def test_the_environment_form_is_flat() -> None:
    flat = json.loads(environment_form(build({"commentId": "c1"}, [comment("c1")])))
    assert (flat["requestedCount"], flat["includedCount"], flat["missingCount"]) == (1, 1, 0)
    assert (flat["comments"][0]["authorType"], flat["comments"][0]["authorId"]) == ("user", "u1")
    assert "author" not in flat["comments"][0]
    assert "commentWindow" not in flat


def test_the_environment_form_fits_whatever_the_context_holds() -> None:
    ids = [f"{n:036d}" for n in range(9_000)]
    context = {"wakeCommentIds": ids, "childIssueSummaries": ["\U0001f600" * 60_000], "unresolvedBlockerIssueIds": ids}
    text = environment_form(build(context, [comment(ids[0], "\U0001f600" * 4_000)]))
    assert len(text.encode()) <= MAX_ENVIRONMENT_BYTES
    assert json.loads(text)["fallbackFetchNeeded"] is True


@pytest.mark.parametrize("body", ["a\x00b", "\\u0000", "\ud800", '"\n', "\u2028"])
def test_any_comment_survives_the_environment_as_json(body: str) -> None:
    text = environment_form(build({"commentId": "c1"}, [comment("c1", body)]))
    assert "\x00" not in text
    assert "\n" not in text
    assert json.loads(text)["comments"][0]["body"] == body.replace("\ud800", "\ufffd")


BODIES = st.lists(
    st.text(max_size=40).flatmap(lambda text: st.integers(0, 300).map(lambda times: text * times)), max_size=12
)


@given(BODIES, st.sets(st.integers(0, 11)))
def test_every_requested_comment_is_included_or_accounted_for(bodies: list[str], missing: set[int]) -> None:
    ids = [f"c{n}" for n in range(len(bodies))]
    rows = [comment(f"c{n}", body) for n, body in enumerate(bodies) if n not in missing]
    payload = build({"wakeCommentIds": ids}, rows)
    window = payload["commentWindow"]
    assert window["requestedCount"] == len(ids)
    assert window["includedCount"] == len(payload["comments"]) <= 8
    assert sum(len(item["body"]) for item in payload["comments"]) <= 12_000
    whole = all(not item["bodyTruncated"] for item in payload["comments"])
    assert payload["fallbackFetchNeeded"] is not (whole and window["includedCount"] == len(ids))
    environment_form(payload).encode()
