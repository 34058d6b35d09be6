"""What an issue's next run is told of the earlier ones (spec/2 E 2)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from heartbeats.runs.continuation_summary import MOST_CHARS, SummaryFacts, compose_summary, refresh_summary
from issues.models import IssueDocument
from tests.factories.heartbeats import finished_run
from tests.factories.issues import IssueFactory

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def facts(**changes: Any) -> SummaryFacts:
    given: dict[str, Any] = {
        "identifier": "EVE-1",
        "title": "Fix the parser",
        "issue_status": "in_progress",
        "run_id": "aaaaaaaa-0000",
        "run_status": "succeeded",
        "ended_at": NOW,
        "liveness": "advanced",
        "summary": "The parser reads numbers.",
        "next_action": "Read strings too.",
    }
    return SummaryFacts(**{**given, **changes})


def test_it_names_the_issue_the_summary_the_next_action_and_the_run() -> None:
    text = compose_summary(None, facts())
    assert "EVE-1: Fix the parser" in text
    assert "## Last summary\nThe parser reads numbers." in text
    assert "## Next action\nRead strings too." in text
    assert text.endswith("- 2026-03-01T12:00:00.000Z run aaaaaaaa succeeded (advanced)")


def test_what_was_said_stays_until_something_else_is_said() -> None:
    first = compose_summary(None, facts())
    silent = compose_summary(first, facts(run_status="failed", summary=None, next_action=None))
    assert "The parser reads numbers." in silent
    assert "Next action" not in silent
    assert "The parser reads numbers." not in compose_summary(silent, facts(summary="Strings work."))


def test_only_the_latest_five_runs_are_listed_and_the_text_stays_short() -> None:
    text: str | None = None
    for number in range(8):
        text = compose_summary(text, facts(run_id=f"run{number}xxxxxxxx", summary="x" * 9_000, title="t" * 900))
    assert text is not None
    assert [line.split()[3] for line in text.splitlines() if line.startswith("- ")] == [
        f"run{number}xxxx" for number in (7, 6, 5, 4, 3)
    ]
    assert len(text) <= MOST_CHARS


@pytest.mark.django_db
def test_each_run_leaves_a_revision_of_one_document() -> None:
    issue = IssueFactory()
    for said in ("one", "two"):
        run = finished_run(issue=issue, result={"summary": f"Did number {said}."})
        previous = IssueDocument.objects.filter(issue=issue).values_list("body", flat=True).first()
        refresh_summary(issue, run, previous, now=NOW)
    document = IssueDocument.objects.get(issue=issue)
    assert "Did number two." in document.body
    assert document.latest_revision is not None
    assert (document.latest_revision.revision_number, document.revisions.count()) == (2, 2)
    assert document.latest_revision.body == document.body
