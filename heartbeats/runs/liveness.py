"""What a finished run amounted to (spec/2 G). Deterministic; no text and no result makes it raise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from heartbeats.readings import text_of
from heartbeats.runs import liveness_texts as texts
from heartbeats.vocabulary import LivenessState, RunStatus
from issues.vocabulary import ISSUE_TERMINAL, IssueStatus

REASON_MAX_CHARS = 500
COMMENTS_READ = 5
BOOKKEEPING_ACTIVITY = ("environment.lease_acquired", "environment.lease_released")
BOOKKEEPING_EVENTS = ("lifecycle", "adapter.invoke", "error")

_RESULT_KEYS = ("nextAction", "summary", "result", "message", "error")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How much this run itself created on its issue.

    ``document_revisions`` leaves out the continuation summary and the plan, which is counted in ``plan_revisions``;
    ``activity`` leaves out ``BOOKKEEPING_ACTIVITY``, ``tool_events`` leaves out ``BOOKKEEPING_EVENTS``.
    """

    comments: int = 0
    document_revisions: int = 0
    plan_revisions: int = 0
    work_products: int = 0
    workspace_operations: int = 0
    activity: int = 0
    tool_events: int = 0
    latest_at: datetime | None = None

    @property
    def is_concrete(self) -> bool:
        """True if something was made; preparing a workspace alone is nothing."""
        made = (self.comments, self.document_revisions, self.work_products, self.activity, self.tool_events)
        return any(count > 0 for count in made)


@dataclass(frozen=True, kw_only=True)
class LivenessFacts:
    """What is known of a finished run. ``comments`` are its own on the issue, oldest first."""

    run_status: str
    error_code: str | None = None
    issue_status: str | None = None
    work_mode: str | None = None
    comments: Sequence[str] = ()
    result: Mapping[str, Any] | None = None
    continuation_summary: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    evidence: Evidence = field(default_factory=Evidence)
    continuation_attempt: int = 0


@dataclass(frozen=True)
class Liveness:
    """The verdict, with a reason and a next action of at most 500 characters each."""

    state: LivenessState
    reason: str
    next_action: str | None
    last_useful_action_at: datetime | None
    continuation_attempt: int


def classify_liveness(facts: LivenessFacts) -> Liveness:
    """The first row of the table that holds.

    What the run said comes from its comments and result, and from its raw output only when those say nothing. The
    continuation summary was written by earlier runs: it may name the next action, but is no output of this one.
    """
    said = _said(facts)
    state, reason = _verdict(facts, said)
    useful = state in (LivenessState.ADVANCED, LivenessState.COMPLETED, LivenessState.BLOCKED)
    sources = [*said, facts.continuation_summary or ""]
    return Liveness(
        state=state,
        reason=reason[:REASON_MAX_CHARS],
        next_action=None if state == LivenessState.COMPLETED else _next_action(facts, sources),
        last_useful_action_at=facts.evidence.latest_at if useful else None,
        continuation_attempt=max(0, facts.continuation_attempt),
    )


def _verdict(facts: LivenessFacts, said: list[str]) -> tuple[LivenessState, str]:
    if facts.run_status != RunStatus.SUCCEEDED:
        code = f" ({facts.error_code})" if facts.error_code else ""
        return LivenessState.FAILED, f"Run ended {facts.run_status}{code}"
    if facts.issue_status in ISSUE_TERMINAL:
        return LivenessState.COMPLETED, f"Issue is {facts.issue_status}"
    if facts.issue_status == IssueStatus.BLOCKED:
        return LivenessState.BLOCKED, "Issue is blocked"
    if any(texts.declares_blocker(text) for text in said):
        return LivenessState.BLOCKED, "Run output names an external blocker or a needed approval"
    return _progress(facts, said)


def _progress(facts: LivenessFacts, said: list[str]) -> tuple[LivenessState, str]:
    evidence = facts.evidence
    if not said and not evidence.is_concrete and evidence.plan_revisions <= 0:
        return LivenessState.EMPTY_RESPONSE, "Run succeeded without useful output or concrete evidence"
    if evidence.is_concrete:
        return LivenessState.ADVANCED, "Run left concrete evidence of progress"
    if evidence.plan_revisions > 0:
        return LivenessState.ADVANCED, "Run saved a plan document"
    if facts.work_mode == "planning":
        return LivenessState.ADVANCED, "Run answered on an issue that asks for planning"
    return _announced(said)


def _announced(said: list[str]) -> tuple[LivenessState, str]:
    announcing = [text for text in said if texts.announcement(text) is not None]
    if not announcing:
        return LivenessState.NEEDS_FOLLOWUP, "Run produced useful output but no concrete evidence of progress"
    if all(texts.is_safe_to_continue(text) for text in announcing):
        return (
            LivenessState.PLAN_ONLY,
            "Run announced work that can be continued, without concrete evidence of progress",
        )
    return LivenessState.NEEDS_FOLLOWUP, "Run announced work that somebody should look at first"


def _said(facts: LivenessFacts) -> list[str]:
    """The useful texts of the run: the result's first, then its comments, newest first; else its raw output."""
    result = facts.result or {}
    given = [text_of(result.get(key)) for key in _RESULT_KEYS]
    given += [text_of(comment) for comment in reversed(facts.comments[-COMMENTS_READ:])]
    final = list(dict.fromkeys(text for text in given if text is not None and texts.is_useful(text)))
    if final:
        return final
    raw = [texts.without_noise(output) for output in (facts.stdout, facts.stderr) if output]
    return [text for text in raw if texts.is_useful(text)]


def _next_action(facts: LivenessFacts, sources: list[str]) -> str | None:
    explicit = text_of((facts.result or {}).get("nextAction"))
    if explicit is not None and texts.is_useful(explicit):
        return explicit.strip()[: texts.NEXT_ACTION_MAX_CHARS].strip()
    return texts.next_action(sources)
