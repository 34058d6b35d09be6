"""What recovery writes into issues (spec/3 F and G).

None of these texts can carry a failure's message or code: no function here takes one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heartbeats.vocabulary import RetryReason
from issues.vocabulary import IssueStatus
from recovery.links import company_prefix, issue_link, run_link
from recovery.organisation import Ref
from recovery.stranded.decision import EscalationCause

INVARIANT = "stranded_assigned_issue"
WITHHELD = "Latest retry failure details were withheld from the issue thread"
ORPHAN_BLOCKER_LINKS = 5
FIX_RUNTIME = (
    "Fix the runtime/adapter problem, or change the assignee or the plan, then set the source issue back to `todo` "
    "or close it."
)


@dataclass(frozen=True)
class StrandedSource:
    """The issue that stalled and the run that showed it."""

    identifier: str
    previous_status: str
    run_id: Ref | None
    run_agent_id: Ref | None
    run_status: str | None
    retry_reason: str | None

    @property
    def run_reference(self) -> str:
        """The latest run as a link, or words for none."""
        if self.run_id is None or self.run_agent_id is None:
            return "none"
        return run_link(self.run_id, agent_id=self.run_agent_id, prefix=company_prefix(self.identifier))


def recovery_issue_title(identifier: str) -> str:
    """The title of the one recovery issue of a source."""
    return f"Recover stalled issue {identifier}"


def recovery_issue_description(source: StrandedSource, *, next_action: str | None = None) -> str:
    """What its owner finds: where it comes from, what was tried, what is asked."""
    return "\n".join(
        [
            f"Everbeat could not get {issue_link(source.identifier)} moving again by itself.",
            "",
            "## Evidence",
            "",
            f"- Source issue: {issue_link(source.identifier)}",
            f"- Previous source status: `{source.previous_status}`",
            f"- Latest run: {source.run_reference}",
            f"- Latest run status: `{source.run_status or 'none'}`",
            f"- Invariant: `{INVARIANT}`",
            f"- Retry reason: `{source.retry_reason or 'none'}`",
            f"- {WITHHELD}; the run's page shows them.",
            "",
            "## Required action",
            "",
            *([f"- {next_action}"] if next_action else []),
            f"- {FIX_RUNTIME}",
            "- Close this issue when the source issue has a way forward again; it blocks the source until then.",
        ]
    )


def escalation_comment(
    cause: EscalationCause, source: StrandedSource, *, recovery_identifier: str | None, next_action: str | None = None
) -> str:
    """The one comment on the source issue. Without a recovery issue it asks the operator to step in."""
    owner = (
        f"- Recovery issue: {issue_link(recovery_identifier)}"
        if recovery_identifier is not None
        else "- Recovery issue: none, because no agent could own it. An operator must take this issue on."
    )
    return "\n".join(
        [
            f"{_what_was_tried(cause, source.previous_status)} It still has no live run, so it is `blocked` now.",
            "",
            f"- Latest run: {source.run_reference}",
            f"- {WITHHELD}; the run's page shows them.",
            owner,
            f"- Next action: {next_action or FIX_RUNTIME}",
        ]
    )


def in_place_comment(source: StrandedSource) -> str:
    """The comment on a recovery issue that failed itself. One for each new failed run."""
    return "\n".join(
        [
            "Everbeat stopped automatic stranded-work recovery for this issue and set it to `blocked`.",
            "To end here, recovery issues do not create nested `stranded_issue_recovery` issues.",
            "",
            f"- Latest run: {source.run_reference}",
            f"- Latest run status: `{source.run_status or 'none'}`",
            f"- {WITHHELD}; the run's page shows them.",
            f"- Next action: {FIX_RUNTIME}",
        ]
    )


def orphan_blocker_comment(blocked_identifiers: Sequence[str]) -> str:
    """The comment on a blocker that went back to its creator; links to at most five of the issues that wait."""
    shown = [issue_link(identifier) for identifier in blocked_identifiers[:ORPHAN_BLOCKER_LINKS]]
    more = len(blocked_identifiers) - len(shown)
    waiting = ", ".join(shown) + (f" and {more} more" if more > 0 else "")
    return "\n".join(
        [
            "## Assigned Orphan Blocker",
            "",
            f"Nobody was assigned to this issue while it blocks {waiting}. It is back with the agent that created it.",
            "",
            "- Next action: finish it, hand it to somebody, or remove the blocking relation.",
        ]
    )


def cancelled_blocker_comment(blocker_identifiers: Sequence[str]) -> str:
    """The one comment that tells an owner that a blocker was cancelled and will never be done (K.10)."""
    links = ", ".join(issue_link(identifier) for identifier in blocker_identifiers)
    return (
        f"A cancelled issue still blocks this one: {links}. A cancelled blocker never counts as done.\n\n"
        "- Next action: remove the blocking relation, or replace the blocker."
    )


def _what_was_tried(cause: EscalationCause, previous_status: str) -> str:
    if cause is EscalationCause.PERMANENT_FAILURE:
        return "The latest run of this issue failed in a way that no retry can mend."
    if cause is EscalationCause.AGENT_NOT_INVOKABLE:
        return "The latest run of this issue ended, and its agent cannot be woken for another one."
    if cause is EscalationCause.AGENT_FAILED:
        return "The agent failed at this issue again and again; its work is not given to it once more."
    if cause is EscalationCause.LEDGER_SPENT:
        return (
            "Everbeat has spent all automatic runs that this issue may have without a person's or its assignee's help."
        )
    verb = "dispatch" if previous_status == IssueStatus.TODO else "continuation"
    return f"Everbeat already retried {verb} for this `{previous_status}` issue."


def retry_reason_for(previous_status: str) -> RetryReason:
    """The automatic recovery that belongs to a status: the one whose failure escalates."""
    if previous_status == IssueStatus.TODO:
        return RetryReason.ASSIGNMENT_RECOVERY
    return RetryReason.ISSUE_CONTINUATION_NEEDED
