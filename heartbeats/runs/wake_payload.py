"""The wake payload an agent is handed: why it was woken, with the comments in place (spec/2 D, spec/4 section 12)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from heartbeats.readings import JsonObject, list_of, object_of, text_of
from heartbeats.runs.bounds import storable
from heartbeats.wakeups.context import HARNESS_CHECKOUT, Context, comment_ids

MAX_COMMENTS = 8
MAX_COMMENT_CHARS = 4_000
MAX_ALL_COMMENTS_CHARS = 12_000
MAX_SUMMARY_CHARS = 4_000
MAX_ENVIRONMENT_BYTES = 100_000

_LISTS = ("childIssueSummaries", "unresolvedBlockerSummaries", "comments", "commentIds", "unresolvedBlockerIssueIds")
_LEFT_OUT_IN_ORDER = (
    "childIssueSummaries",
    "unresolvedBlockerSummaries",
    "continuationSummary",
    "executionStage",
    "comments",
    "commentIds",
    "unresolvedBlockerIssueIds",
    "livenessContinuation",
    "activeTreeHold",
    "issue",
)

_CONTINUATION_KEYS = {
    "attempt": "livenessContinuationAttempt",
    "maxAttempts": "livenessContinuationMaxAttempts",
    "sourceRunId": "livenessContinuationSourceRunId",
    "state": "livenessContinuationState",
    "reason": "livenessContinuationReason",
    "instruction": "livenessContinuationInstruction",
}


@dataclass(frozen=True)
class WakeIssue:
    """The issue as the payload shows it."""

    id: str
    identifier: str | None
    title: str
    status: str
    priority: str


@dataclass(frozen=True)
class WakeComment:
    """A comment that the wake names. ``author_type`` is ``agent``, ``user`` or ``system``."""

    id: str
    issue_id: str
    body: str
    created_at: datetime
    author_type: str
    author_id: str | None


@dataclass(frozen=True)
class ContinuationSummary:
    """The issue's continuation summary document."""

    key: str
    title: str | None
    body: str
    updated_at: datetime


def build_wake_payload(
    context: Context,
    *,
    issue: WakeIssue | None,
    comments: Iterable[WakeComment],
    summary: ContinuationSummary | None = None,
) -> JsonObject | None:
    """Assemble ``paperclipWake`` from the context and loaded rows of the same company; None if there is nothing to say.

    Comments come in the order of the wake: at most 8, of at most 4,000 characters each and 12,000 together. What is
    cut or missing is counted, and ``fallbackFetchNeeded`` tells the agent to read the thread.
    """
    stage = object_of(context.get("executionStage"))
    wanted = comment_ids(context)
    if issue is None and not wanted and not stage:
        return None
    inline, truncated, missing = _inline_comments(wanted, {comment.id: comment for comment in comments})
    return {
        "reason": text_of(context.get("wakeReason")),
        "issue": _issue(issue),
        "childIssueSummaries": list_of(context.get("childIssueSummaries")),
        "childIssueSummaryTruncated": context.get("childIssueSummaryTruncated") is True,
        "livenessContinuation": _continuation(context),
        "checkedOutByHarness": context.get(HARNESS_CHECKOUT) is True,
        "dependencyBlockedInteraction": context.get("dependencyBlockedInteraction") is True,
        "treeHoldInteraction": context.get("treeHoldInteraction") is True,
        "activeTreeHold": object_of(context.get("activeTreeHold")) or None,
        "unresolvedBlockerIssueIds": [
            item for item in list_of(context.get("unresolvedBlockerIssueIds")) if text_of(item)
        ],
        "unresolvedBlockerSummaries": list_of(context.get("unresolvedBlockerSummaries")),
        "executionStage": stage or None,
        "continuationSummary": _summary(summary),
        "commentIds": wanted,
        "latestCommentId": wanted[-1] if wanted else None,
        "comments": inline,
        "commentWindow": {"requestedCount": len(wanted), "includedCount": len(inline), "missingCount": missing},
        "truncated": truncated,
        "fallbackFetchNeeded": truncated or missing > 0,
    }


def environment_form(payload: Mapping[str, Any]) -> str:
    """The payload as PAPERCLIP_WAKE_PAYLOAD_JSON, one line of at most 100,000 bytes.

    Comment window and authors are flattened. What does not fit is left out, largest and least needed first, and
    ``fallbackFetchNeeded`` says so: the kernel refuses to start a process with a longer variable.
    """
    flat = {key: value for key, value in payload.items() if key != "commentWindow"}
    flat.update(object_of(payload.get("commentWindow")))
    flat["comments"] = [_flat_comment(object_of(comment)) for comment in list_of(payload.get("comments"))]
    text = _one_line(flat)
    for key in _LEFT_OUT_IN_ORDER:
        if len(text.encode()) <= MAX_ENVIRONMENT_BYTES:
            break
        flat.update({key: [] if key in _LISTS else None, "truncated": True, "fallbackFetchNeeded": True})
        text = _one_line(flat)
    return text


def iso_millis(moment: datetime) -> str:
    """The moment as the wire spells it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(value: JsonObject) -> str:
    return storable(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))


def _inline_comments(wanted: list[str], rows: Mapping[str, WakeComment]) -> tuple[list[JsonObject], bool, int]:
    present = [rows[comment_id] for comment_id in wanted if comment_id in rows]
    missing = len(wanted) - len(present)
    inline: list[JsonObject] = []
    room = MAX_ALL_COMMENTS_CHARS
    cut = False
    for comment in present[:MAX_COMMENTS]:
        body = comment.body[: min(MAX_COMMENT_CHARS, room)]
        if not body and comment.body:
            break
        room -= len(body)
        cut = cut or len(body) < len(comment.body)
        inline.append(_comment(comment, body))
    return inline, cut or missing > 0 or len(inline) < len(present), missing


def _comment(comment: WakeComment, body: str) -> JsonObject:
    return {
        "id": comment.id,
        "issueId": comment.issue_id,
        "body": body,
        "bodyTruncated": len(body) < len(comment.body),
        "createdAt": iso_millis(comment.created_at),
        "author": {"type": comment.author_type, "id": comment.author_id},
    }


def _flat_comment(comment: JsonObject) -> JsonObject:
    author = object_of(comment.get("author"))
    rest = {key: value for key, value in comment.items() if key != "author"}
    return {**rest, "authorType": author.get("type"), "authorId": author.get("id")}


def _issue(issue: WakeIssue | None) -> JsonObject | None:
    if issue is None:
        return None
    return {
        "id": issue.id,
        "identifier": issue.identifier,
        "title": issue.title,
        "status": issue.status,
        "priority": issue.priority,
    }


def _continuation(context: Context) -> JsonObject | None:
    found = {name: context.get(key) for name, key in _CONTINUATION_KEYS.items()}
    return found if any(found[name] for name in ("attempt", "sourceRunId", "state", "instruction")) else None


def _summary(summary: ContinuationSummary | None) -> JsonObject | None:
    if summary is None:
        return None
    return {
        "key": summary.key,
        "title": summary.title,
        "body": summary.body[:MAX_SUMMARY_CHARS],
        "bodyTruncated": len(summary.body) > MAX_SUMMARY_CHARS,
        "updatedAt": iso_millis(summary.updated_at),
    }
