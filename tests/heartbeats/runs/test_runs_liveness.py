from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.liveness import Evidence, LivenessFacts, classify_liveness
from heartbeats.runs.liveness_texts import announcement, without_noise
from heartbeats.vocabulary import LivenessState

T0 = datetime(2026, 5, 1, tzinfo=UTC)

NOISE = [
    "[everbeat] Falling back to the agent's home because the project folder is missing.",
    "[paperclip] Starting a fresh session because it was asked for.",
    "$ git status",
    "root@host:/srv# ls -la",
    '{"type":"tool_use","name":"Bash","input":{"command":"ls"}}',
    "tool_call: Bash(ls)",
    "[tool_use] Read file.py",
    "\u25cf Bash(npm test)",
    "----------",
    "exit code: 0",
]


def facts(**given_facts: Any) -> LivenessFacts:
    return LivenessFacts(**{"run_status": "succeeded", "issue_status": "in_progress", **given_facts})


def state(**given_facts: Any) -> LivenessState:
    return classify_liveness(facts(**given_facts)).state


@pytest.mark.parametrize("status", ["failed", "cancelled", "timed_out"])
def test_a_run_that_did_not_succeed_failed_and_the_reason_says_how(status: str) -> None:
    verdict = classify_liveness(facts(run_status=status, error_code="process_lost", issue_status="done"))
    assert verdict.state == "failed"
    assert status in verdict.reason
    assert "process_lost" in verdict.reason


@pytest.mark.parametrize("status", ["done", "cancelled"])
def test_a_closed_issue_is_completed_even_by_a_silent_run(status: str) -> None:
    assert state(issue_status=status) == "completed"
    assert state(issue_status=status, result={"summary": "I am blocked by the vendor."}) == "completed"


def test_a_blocked_issue_is_blocked_even_with_evidence() -> None:
    assert state(issue_status="blocked", evidence=Evidence(comments=3)) == "blocked"


@pytest.mark.parametrize(
    "kind", ["comments", "document_revisions", "work_products", "activity", "tool_events", "plan_revisions"]
)
def test_each_kind_of_evidence_advances(kind: str) -> None:
    evidence = Evidence(**cast("dict[str, Any]", {kind: 1}))
    assert state(evidence=evidence) == "advanced"
    assert state(evidence=evidence, result={"summary": "I will fix it next."}) == "advanced"


def test_workspace_operations_alone_are_no_progress() -> None:
    assert state(evidence=Evidence(workspace_operations=5)) == "empty_response"
    assert state(evidence=Evidence(workspace_operations=5), result={"summary": "I will fix it next."}) == "plan_only"


def test_a_plan_is_progress_where_planning_is_asked_for() -> None:
    said = {"summary": "Plan:\n- Inspect files\n- Implement fix"}
    assert state(result=said) == "plan_only"
    assert state(result=said, work_mode="planning") == "advanced"
    assert state(work_mode="planning") == "empty_response"


def test_raw_output_only_speaks_when_result_and_comments_do_not() -> None:
    assert state(stdout="I will fix the parser next.") == "plan_only"
    assert state(stderr="I am blocked by the vendor.") == "blocked"
    assert state(stdout="I am blocked by the vendor.", result={"summary": "The parser is fine."}) == "needs_followup"


def test_noise_in_raw_output_is_no_useful_text() -> None:
    noise = "\n".join(NOISE)
    assert without_noise(noise) == ""
    assert state(stdout=noise) == "empty_response"
    assert without_noise(f"{noise}\nThe cache is cold.") == "The cache is cold."


def test_only_the_last_five_comments_are_read() -> None:
    comments = ["I am blocked by the vendor.", *[f"Finished part {n}." for n in range(5)]]
    assert state(comments=comments, evidence=Evidence(comments=6)) == "advanced"
    assert state(comments=comments[:5], evidence=Evidence(comments=5)) == "blocked"


def test_an_older_summary_is_no_output_of_this_run_but_names_the_next_action() -> None:
    verdict = classify_liveness(facts(continuation_summary="I am blocked.\nNext: add the index"))
    assert verdict.state == "empty_response"
    assert verdict.next_action == "add the index"


def test_a_named_next_action_wins_and_is_cut() -> None:
    verdict = classify_liveness(facts(result={"nextAction": "go " * 400, "summary": "Next: other"}))
    assert verdict.next_action == ("go " * 167)[:500].strip()


def test_a_completed_run_has_no_next_action() -> None:
    assert classify_liveness(facts(issue_status="done", result={"nextAction": "more"})).next_action is None


@pytest.mark.parametrize(
    ("given_facts", "useful"),
    [
        ({"evidence": Evidence(comments=1, latest_at=T0)}, True),
        ({"issue_status": "done", "evidence": Evidence(latest_at=T0)}, True),
        ({"issue_status": "blocked", "evidence": Evidence(latest_at=T0)}, True),
        ({"run_status": "failed", "evidence": Evidence(comments=1, latest_at=T0)}, False),
        ({"evidence": Evidence(workspace_operations=1, latest_at=T0)}, False),
        ({"result": {"summary": "The answer is 42."}, "evidence": Evidence(latest_at=T0)}, False),
    ],
)
def test_the_last_useful_action_is_kept_only_where_something_was_achieved(given_facts: Any, useful: bool) -> None:
    assert classify_liveness(facts(**given_facts)).last_useful_action_at == (T0 if useful else None)


def test_the_continuation_attempt_is_carried_along() -> None:
    assert classify_liveness(facts(continuation_attempt=2)).continuation_attempt == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda children: st.lists(children, max_size=2) | st.dictionaries(st.text(max_size=9), children, max_size=2),
    max_leaves=4,
)
WORDS = st.lists(
    st.sampled_from(
        ["I", "will", "not", "blocked", "Next:", "approval", "deploy", "fix", "\n", ".", "if", "-", "needs", "by", "$"]
    ),
    max_size=12,
).map(" ".join)
ANY_TEXT = st.one_of(WORDS, st.text(max_size=60))
FACTS = st.builds(
    LivenessFacts,
    run_status=st.sampled_from(["succeeded", "failed", "cancelled", "odd"]),
    error_code=st.one_of(st.none(), st.text(max_size=700)),
    issue_status=st.sampled_from([None, "todo", "in_progress", "blocked", "done"]),
    work_mode=st.sampled_from([None, "planning", "standard"]),
    comments=st.lists(ANY_TEXT, max_size=7),
    result=st.one_of(
        st.none(), st.dictionaries(st.sampled_from(["nextAction", "summary", "error"]), st.one_of(ANY_TEXT, JSON))
    ),
    continuation_summary=st.one_of(st.none(), ANY_TEXT),
    stdout=st.one_of(st.none(), ANY_TEXT),
    stderr=st.one_of(st.none(), ANY_TEXT),
    evidence=st.builds(
        Evidence,
        comments=st.integers(-1, 2),
        workspace_operations=st.integers(0, 2),
        plan_revisions=st.integers(0, 1),
        latest_at=st.sampled_from([None, T0]),
    ),
    continuation_attempt=st.integers(-1, 3),
)


@given(FACTS)
def test_the_verdict_never_raises_is_bounded_and_always_the_same(given_facts: LivenessFacts) -> None:
    verdict = classify_liveness(given_facts)
    assert verdict == classify_liveness(given_facts)
    assert verdict.state in LivenessState
    assert 0 < len(verdict.reason) <= 500
    assert verdict.next_action is None or 0 < len(verdict.next_action) <= 500
    assert verdict.continuation_attempt >= 0


@given(FACTS)
def test_only_succeeded_runs_without_evidence_can_be_continued(given_facts: LivenessFacts) -> None:
    if classify_liveness(given_facts).state in LivenessState.CONTINUABLE:
        assert given_facts.run_status == "succeeded"
        assert not given_facts.evidence.is_concrete
        assert given_facts.evidence.plan_revisions == 0
        assert given_facts.issue_status not in {"done", "blocked"}


@given(ANY_TEXT)
def test_an_announcement_is_a_line_of_the_text(text: str) -> None:
    line = announcement(text)
    assert line is None or (line.strip() and "\n" not in line)
