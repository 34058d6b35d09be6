from __future__ import annotations

import inspect
from dataclasses import replace

import pytest

from recovery.stranded import texts
from recovery.stranded.decision import EscalationCause
from recovery.stranded.texts import (
    StrandedSource,
    cancelled_blocker_comment,
    escalation_comment,
    in_place_comment,
    orphan_blocker_comment,
    recovery_issue_description,
    recovery_issue_title,
    retry_reason_for,
)

SOURCE = StrandedSource("ABC-12", "todo", "run-1", "agent-1", "failed", "assignment_recovery")
WITHHELD = "Latest retry failure details were withheld from the issue thread"


def test_the_recovery_issue_names_its_source() -> None:
    assert recovery_issue_title("ABC-12") == "Recover stalled issue ABC-12"


@pytest.mark.parametrize("phrase", [
    "Previous source status: `todo`",
    "Retry reason: `assignment_recovery`",
    "Fix the runtime/adapter problem",
    "[ABC-12](/ABC/issues/ABC-12)",
    "(/ABC/agents/agent-1/runs/run-1)",
    "`stranded_assigned_issue`",
    "Latest run status: `failed`",
    WITHHELD,
])  # fmt: skip
def test_the_recovery_description_shows_its_evidence(phrase: str) -> None:
    assert phrase in recovery_issue_description(SOURCE)


def test_the_recovery_description_names_what_to_fix_first() -> None:
    text = recovery_issue_description(SOURCE, next_action="Renew the credentials.")
    assert text.index("Renew the credentials.") < text.index("Fix the runtime/adapter problem")


def test_a_source_without_a_run_says_so() -> None:
    bare = replace(SOURCE, run_id=None, run_agent_id=None, run_status=None, retry_reason=None)
    text = recovery_issue_description(bare)
    assert "- Latest run: none" in text
    assert "Failure: none recorded" not in text


@pytest.mark.parametrize(
    ("cause", "status", "phrase"),
    [
        (EscalationCause.DISPATCH_RETRIED, "todo", "retried dispatch"),
        (EscalationCause.CONTINUATION_RETRIED, "in_progress", "retried continuation"),
        (EscalationCause.PERMANENT_FAILURE, "todo", "no retry can mend"),
        (EscalationCause.LEDGER_SPENT, "in_progress", "spent all automatic runs"),
    ],
)
def test_the_escalation_says_what_was_tried(cause: EscalationCause, status: str, phrase: str) -> None:
    text = escalation_comment(cause, replace(SOURCE, previous_status=status), recovery_identifier="ABC-13")
    assert phrase in text
    assert "Recovery issue: [ABC-13]" in text
    assert WITHHELD in text
    assert "Next action: Fix the runtime/adapter problem" in text


def test_without_an_owner_the_escalation_asks_the_operator() -> None:
    text = escalation_comment(EscalationCause.DISPATCH_RETRIED, SOURCE, recovery_identifier=None)
    assert "no agent could own it" in text
    assert "operator" in text


def test_a_permanent_failure_names_what_to_fix() -> None:
    text = escalation_comment(
        EscalationCause.PERMANENT_FAILURE, SOURCE, recovery_identifier="ABC-13", next_action="Pay the bill."
    )
    assert "Next action: Pay the bill." in text


@pytest.mark.parametrize("phrase", [
    "stopped automatic stranded-work recovery",
    "recovery issues do not create nested `stranded_issue_recovery` issues",
    WITHHELD,
])  # fmt: skip
def test_a_failing_recovery_issue_says_that_recovery_stops(phrase: str) -> None:
    assert phrase in in_place_comment(SOURCE)


def test_an_orphan_blocker_links_to_what_waits() -> None:
    text = orphan_blocker_comment(["ABC-2"])
    assert "Assigned Orphan Blocker" in text
    assert "[ABC-2](/ABC/issues/ABC-2)" in text
    assert "more" not in text


def test_an_orphan_blocker_links_to_five_at_most() -> None:
    text = orphan_blocker_comment([f"ABC-{number}" for number in range(1, 9)])
    assert text.count("/issues/") == 5
    assert "and 3 more" in text


def test_a_cancelled_blocker_is_named() -> None:
    assert "[ABC-9](/ABC/issues/ABC-9)" in cancelled_blocker_comment(["ABC-9"])


def test_no_text_can_take_a_failure_in() -> None:
    """A secret in an error cannot leak through a function that has no parameter for it."""
    taken = {
        name
        for _, function in inspect.getmembers(texts, inspect.isfunction)
        for name in inspect.signature(function).parameters
    }
    taken |= set(StrandedSource.__dataclass_fields__)
    assert not {"error", "error_code", "error_message", "result", "stderr"} & taken


def test_each_status_has_its_recovery() -> None:
    assert retry_reason_for("todo") == "assignment_recovery"
    assert retry_reason_for("in_progress") == "issue_continuation_needed"
