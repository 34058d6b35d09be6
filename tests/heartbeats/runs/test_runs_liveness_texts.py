from __future__ import annotations

from typing import Any

import pytest

from heartbeats.runs.liveness import Evidence, LivenessFacts, classify_liveness
from heartbeats.runs.liveness_texts import is_useful, next_action, without_noise
from heartbeats.vocabulary import LivenessState

# Summaries of succeeded runs that left no evidence on an open issue.
SAID = {
    "plan_only": [
        "I will inspect the repo next and then implement the fix.",
        "I'll start by reading the failing test and then fix the parser.",
        "I\u2019ll look into the flaky test now.",
        "I'm going to refactor the session module and add tests.",
        "We are going to reproduce the bug first.",
        "Let me check how the scheduler computes due times.",
        "Next: run the migration tests and fix what fails.",
        "**Next steps:**\n- write the serializer\n- cover it with tests",
        "Plan:\n1. Inspect the logs\n2. Implement retry\n3. Run the suite",
        "Looked at the code. Next, I will update the handler.",
        "The next step is to wire the view to the service.",
        "I still need to add an index and verify the query plan.",
        "I plan to split the function and rename the helper.",
        "Next action: reproduce the crash locally.",
        "Going to investigate the memory growth.",
        "Remaining work: update the docs and extend the tests.",
        "TODO: replace the polling loop",
        "I intend to measure the hot path before optimising it.",
        "I should now validate the input and write a test for it.",
        "Not blocked. I will continue with the second half of the refactoring.",
        "No blockers. Next: implement the cache.",
        "The approach is to build a small index and search it.",
        "## Next\n\nNext: open a branch and apply the patch",
    ],
    "needs_followup": [
        "Next: deploy to production.",
        "I will deploy the new build to production after approval.",
        "I'll rotate the API secrets next.",
        "I will fix the bug once you confirm the expected behaviour.",
        "I plan to run the migration. Should I go ahead?",
        "I will drop the table and delete the customer data.",
        "I'll publish the package to the registry.",
        "Next: email the customers about the outage",
        "I will think about it.",
        "The parser accepts both formats.",
        "Both endpoints return the same body; the second one is unused.",
        "The answer is 42.",
        "Investigated the timeout: the pool is exhausted under load.",
        "I fixed the typo in the readme.",
        "All tests pass.",
        "The client requires an API key and sends it in a header.",
        "Hello! How can I help you today?",
        "I will not change anything here.",
        "We won't need a migration for this.",
        "Next: none. The numbers are in the table above.",
        "The service was blocked by a deadlock, which the new lock order avoids.",
        "I'm not blocked.",
        "There are no blockers for this change.",
        "If you get blocked, ask in the thread.",
        "This change does not require approval and touches one file.",
        "Approval was given yesterday, and the report is complete.",
        "The non-blocking writer is twice as fast.",
        "Le rapport est pr\u00eat.",
        "\u5831\u544a\u66f8\u306f\u5b8c\u6210\u3057\u307e\u3057\u305f",
        "Let me know what you think of the draft.",
    ],
    "blocked": [
        "I am blocked by missing database credentials.",
        "Blocked: the upstream API is down.",
        "Status: blocked, the vendor has not answered.",
        "We're currently blocked on the design review.",
        "This task is blocked until PAP-12 is done.",
        "Cannot proceed without the API key.",
        "I can't continue because the repository is private.",
        "Unable to proceed: the account is locked.",
        "Waiting for approval from the board.",
        "I need access to the billing system.",
        "Missing credentials for the mirror.",
        "Waiting on a decision from the CTO.",
        "Awaiting your confirmation before I touch the schema.",
        "This needs human approval.",
        "The rollout requires sign-off by security.",
        "Approval is required before the change can be merged.",
        "I don't have access to the staging cluster.",
        "I fixed the first half. The second half is pending review.",
        "Blocker: no one has granted the scope yet.",
        "Not blocked on infrastructure. I am blocked on legal review.",
        "Please provide the credentials for the sandbox.",
        "I couldn\u2019t continue, the license expired.",
    ],
    "empty_response": [
        "", "   ", "\n\n", "ok", "OK.", "Done.", "done!", "N/A", "null", "...", "---", "{}", "42", "No output.",
    ],
}  # fmt: skip


def state(**given_facts: Any) -> LivenessState:
    facts: dict[str, Any] = {"run_status": "succeeded", "issue_status": "in_progress", **given_facts}
    return classify_liveness(LivenessFacts(**facts)).state


def test_the_table_of_texts_is_long_enough_to_mean_something() -> None:
    assert sum(len(texts) for texts in SAID.values()) >= 80


@pytest.mark.parametrize(("expected", "text"), [(kind, text) for kind, texts in SAID.items() for text in texts])
def test_what_a_summary_without_evidence_amounts_to(expected: str, text: str) -> None:
    assert state(result={"summary": text}) == expected


@pytest.mark.parametrize(("expected", "text"), [(kind, text) for kind, texts in SAID.items() for text in texts])
def test_a_comment_counts_as_evidence_whatever_it_announces(expected: str, text: str) -> None:
    reached = state(comments=[text], evidence=Evidence(comments=1))
    assert reached == ("blocked" if expected == "blocked" else "advanced")


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("Next: run the tests", "run the tests"),
        ("Done so far.\n**Next step:** run the tests", "run the tests"),
        ("Next steps:\n- write it\n- test it", "write it"),
        ("- Next action - open a branch", "open a branch"),
        ("Read the code. I will fix the parser next.", "Read the code. I will fix the parser next."),
        ("I'll fix it.\nNext: verify it", "verify it"),
        ("Next: none", None),
        ("All good.", None),
        ("", None),
    ],
)
def test_the_next_action_is_after_the_label_or_the_announcing_line(text: str, action: str | None) -> None:
    assert next_action([text]) == action


@pytest.mark.parametrize("junk", [" ", "-", "if ", "next: ", "I will ", "blocked ", "{", "* ", "@a:", "delete the "])
def test_repeated_junk_is_judged_without_a_quadratic_surprise(junk: str) -> None:
    text = junk * 20_000 + "x"
    assert state(result={"summary": text}, stdout=text) in LivenessState
    assert len(without_noise(text)) <= len(text)


def test_very_long_output_is_judged_by_its_head_and_tail() -> None:
    filler = "The quick brown fox waits for nothing. " * 20_000
    assert state(result={"summary": f"{filler}\nI am blocked by the vendor."}) == "blocked"
    assert is_useful(filler)
