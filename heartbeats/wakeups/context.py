"""The context of a wake: what is handed to the agent, and how two wakes become one (spec/2 B).

A context is plain JSON. Every function returns a new object and leaves its arguments alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from heartbeats.readings import JsonObject, first_text, list_of, text_of
from heartbeats.vocabulary import WakeReason, WakeupSource

Context = Mapping[str, Any]

COMMENT_IDS = "wakeCommentIds"
WAKE_PAYLOAD = "paperclipWake"
COALESCED_REASONS = "coalescedReasons"
HARNESS_CHECKOUT = "paperclipHarnessCheckedOut"
TIMER_TASK_KEY = "__heartbeat__"


def enrich(
    context: Context, *, reason: str | None, source: str | None, trigger_detail: str | None, payload: Context | None
) -> JsonObject:
    """Fill in what the caller left out; never overwrite what it said, except the current comment.

    Once there are comment ids the last one is the current comment, and a pre-built wake payload is dropped: it is
    built anew, from those ids, when the run starts.
    """
    payload = payload or {}
    issue_id = text_of(payload.get("issueId"))
    filled = {
        "wakeReason": reason,
        "issueId": issue_id,
        "taskId": first_text(context.get("issueId"), issue_id),
        "taskKey": derive_task_key(context, payload),
        "wakeSource": source,
        "wakeTriggerDetail": trigger_detail,
    }
    enriched = dict(context)
    enriched.update({key: value for key, value in filled.items() if value and not text_of(enriched.get(key))})
    return _with_comment_ids(enriched, unite_comment_ids(context, payload))


def derive_task_key(context: Context, payload: Context | None = None) -> str | None:
    """The key that two wakes for the same task share, or None for a wake about nothing in particular."""
    payload = payload or {}
    names = ("taskKey", "taskId", "issueId")
    return first_text(*(context.get(name) for name in names), *(payload.get(name) for name in names))


def derive_session_key(context: Context, payload: Context | None = None) -> str | None:
    """The task key under which a session is kept. Timer wakes about nothing in particular share one of their own."""
    explicit = derive_task_key(context, payload)
    if explicit is None and context.get("wakeSource") == WakeupSource.TIMER:
        return TIMER_TASK_KEY
    return explicit


def same_task_scope(left: str | None, right: str | None) -> bool:
    """True if both keys name one task. No key and the timer's own key both mean "nothing in particular"."""
    return _scope(left) == _scope(right)


def comment_ids(context: Context) -> list[str]:
    """Every comment that this wake is about, in order, none twice."""
    gathered: list[str] = []
    for value in (*list_of(context.get(COMMENT_IDS)), context.get("wakeCommentId"), context.get("commentId")):
        comment_id = text_of(value)
        if comment_id and comment_id not in gathered:
            gathered.append(comment_id)
    return gathered


def current_comment_id(context: Context, payload: Context | None = None) -> str | None:
    """The latest comment of the wake, or None."""
    ids = unite_comment_ids(context, payload or {})
    return ids[-1] if ids else None


def unite_comment_ids(*contexts: Context) -> list[str]:
    """The comments of several contexts or payloads, in order, none twice and none lost."""
    return list(dict.fromkeys(comment_id for context in contexts for comment_id in comment_ids(context)))


def merge_coalesced(live: Context, incoming: Context) -> JsonObject:
    """The context of a live run after another wake joined it.

    Incoming keys win, except the reason the run began with: further reasons are listed in ``coalescedReasons``. The
    ``source`` of an interaction stays too when the newcomer is none, because holds verify the one by the other.
    Comments are united; the latest becomes the current one.
    """
    merged = {**live, **incoming}
    reasons = list(dict.fromkeys([*wake_reasons(live), *wake_reasons(incoming)]))
    if reasons:
        merged["wakeReason"] = reasons[0]
    if len(reasons) > 1:
        merged[COALESCED_REASONS] = reasons[1:]
    if "source" in live and interaction_reasons(live) and not interaction_reasons(incoming):
        merged["source"] = live["source"]
    return _with_comment_ids(merged, unite_comment_ids(live, incoming))


def wake_reasons(context: Context) -> list[str]:
    """The reason the run began with, then those of the wakes that joined it."""
    listed = [context.get("wakeReason"), *list_of(context.get(COALESCED_REASONS))]
    return list(dict.fromkeys(reason for reason in listed if isinstance(reason, str) and reason.strip()))


def interaction_reasons(context: Context) -> list[str]:
    """The reasons among those of the wake for which somebody speaks on the issue."""
    return [reason for reason in wake_reasons(context) if reason in WakeReason.INTERACTION]


def is_interaction_wake(context: Context) -> bool:
    """True if the wake brings a comment to the agent, so that it may start on a blocked issue.

    Reasons that joined by coalescing count: a comment is not swallowed because another wake came first.
    """
    return bool(interaction_reasons(context)) and current_comment_id(context) is not None


def answers(context: Context) -> bool:
    """True if the wake brings an answered interaction."""
    return text_of(context.get("interactionId")) is not None


def needs_followup(context: Context) -> bool:
    """True if a process that already runs cannot see what this wake brings.

    That is a comment, an approval, or an answered interaction (spec/3 K.8).
    """
    if current_comment_id(context) is not None or answers(context):
        return True
    return any(reason in WakeReason.NEEDS_FOLLOWUP for reason in wake_reasons(context))


def with_hold_interaction(context: Context, hold: Context) -> JsonObject:
    """The context of a verified interaction that passes a pause hold; ``hold`` are the facts the agent is shown."""
    return {**context, "treeHoldInteraction": True, "activeTreeHold": {**hold, "interaction": True}}


def with_blocked_interaction(context: Context, blockers: Sequence[Context]) -> JsonObject:
    """The context of an interaction on a blocked issue; each blocker is a summary with at least ``id``."""
    return {
        **context,
        "dependencyBlockedInteraction": True,
        "unresolvedBlockerIssueIds": [blocker["id"] for blocker in blockers],
        "unresolvedBlockerCount": len(blockers),
        "unresolvedBlockerSummaries": [dict(blocker) for blocker in blockers],
    }


def with_explicit_resume(
    context: Context,
    *,
    resume_from_run_id: str,
    session_display_id: str | None,
    session_params: Context | None,
    issue_id: str | None,
    task_id: str | None,
    task_key: str | None,
) -> JsonObject:
    """The context of a wake that resumes the session of an earlier run; issue and task are filled where missing."""
    resumed = {
        **context,
        "resumeFromRunId": resume_from_run_id,
        "resumeSessionDisplayId": session_display_id,
        "resumeSessionParams": dict(session_params) if session_params else None,
    }
    known = {"issueId": issue_id, "taskId": task_id or issue_id, "taskKey": task_key}
    resumed.update({key: value for key, value in known.items() if value and not text_of(resumed.get(key))})
    return resumed


def promoted_context(
    parked: Context,
    *,
    payload: Context | None,
    reason: str | None,
    source: str | None,
    trigger_detail: str | None,
    hold: Context | None = None,
    reopened_from: str | None = None,
) -> JsonObject:
    """The run's context when a deferred wakeup is promoted, from the context it was parked with (spec/2 H).

    ``hold`` is given when the wake is a verified interaction under it, ``reopened_from`` when its comment reopened
    the issue.
    """
    seed = dict(parked)
    if hold is not None:
        seed = with_hold_interaction(seed, hold)
    if reopened_from and not text_of(seed.get("reopenedFrom")):
        seed["reopenedFrom"] = reopened_from
    return enrich(seed, reason=reason, source=source, trigger_detail=trigger_detail, payload=payload)


def _with_comment_ids(context: JsonObject, ids: Iterable[str]) -> JsonObject:
    ids = list(ids)
    if ids:
        context = {key: value for key, value in context.items() if key != WAKE_PAYLOAD}
        context.update({COMMENT_IDS: ids, "commentId": ids[-1], "wakeCommentId": ids[-1]})
    return context


def _scope(task_key: str | None) -> str | None:
    return None if task_key == TIMER_TASK_KEY else task_key
