"""The document that tells an issue's next run what the earlier ones came to (spec/2 D, E 2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from config.common.clock import wire_time
from heartbeats.models import HeartbeatRun
from heartbeats.readings import first_text
from heartbeats.runs.evidence import CONTINUATION_SUMMARY
from issues.models import DocumentRevision, Issue, IssueDocument

TITLE = "Continuation summary"
MOST_CHARS = 4_000
RUNS_LISTED = 5
_SUMMARY_CHARS = 1_500
_LIST_HEADING = "## Recent runs"


@dataclass(frozen=True, kw_only=True)
class SummaryFacts:
    """What the summary says of the run that just ended."""

    identifier: str
    title: str
    issue_status: str
    run_id: str
    run_status: str
    ended_at: datetime
    liveness: str | None
    summary: str | None
    next_action: str | None


def compose_summary(previous: str | None, facts: SummaryFacts) -> str:
    """The new text, at most 4,000 characters: where the issue stands, what was said last, and the latest five runs.

    What an earlier run said stays until a later one says something.
    """
    said = facts.summary[:_SUMMARY_CHARS].strip() if facts.summary else _section(previous, "## Last summary")
    parts = [
        f"# {TITLE}",
        f"{facts.identifier}: {facts.title}\nStatus: {facts.issue_status}",
        f"## Last summary\n{said}" if said else "",
        f"## Next action\n{facts.next_action}" if facts.next_action else "",
        "\n".join([_LIST_HEADING, *_runs(previous, facts)]),
    ]
    return "\n\n".join(part for part in parts if part)[:MOST_CHARS]


def refresh_summary(issue: Issue, run: HeartbeatRun, previous: str | None, *, now: datetime) -> None:
    """Store the summary after a run of the issue ended; the caller holds the issue's lock. Three statements."""
    result = run.result or {}
    facts = SummaryFacts(
        identifier=issue.identifier,
        title=issue.title,
        issue_status=issue.status,
        run_id=str(run.pk),
        run_status=run.status,
        ended_at=now,
        liveness=run.liveness_state,
        summary=first_text(result.get("summary"), result.get("result"), result.get("message")),
        next_action=run.next_action,
    )
    _store(issue, run, compose_summary(previous, facts), now)


def _store(issue: Issue, run: HeartbeatRun, body: str, now: datetime) -> None:
    document = IssueDocument.objects.filter(issue_id=issue.pk, key=CONTINUATION_SUMMARY).first()
    number = document.latest_revision_number + 1 if document else 1
    if document is None:
        document = IssueDocument(company_id=issue.company_id, issue=issue, key=CONTINUATION_SUMMARY, title=TITLE)
        document.body = body
        document.save(force_insert=True)
    revision = DocumentRevision(
        company_id=issue.company_id,
        document=document,
        revision_number=number,
        title=TITLE,
        body=body,
        created_by_run_id=run.pk,
    )
    revision.save(force_insert=True)
    IssueDocument.objects.filter(pk=document.pk).update(
        body=body, latest_revision=revision, latest_revision_number=number, updated_at=now
    )


def _runs(previous: str | None, facts: SummaryFacts) -> list[str]:
    latest = f"- {wire_time(facts.ended_at)} run {facts.run_id[:8]} {facts.run_status}"
    latest += f" ({facts.liveness})" if facts.liveness else ""
    earlier = [line for line in _section(previous, _LIST_HEADING).splitlines() if line.startswith("- ")]
    return [latest, *earlier][:RUNS_LISTED]


def _section(text: str | None, heading: str) -> str:
    """What stands under a heading that this module wrote."""
    _, _, rest = (text or "").partition(f"{heading}\n")
    return rest.partition("\n\n## ")[0].strip()
