"""When a session is rotated: thresholds, and the breaker for dead sessions (spec/2 I).

The history that is judged here must be that of one session of one agent *of one company*.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from heartbeats.readings import count_of, first_text, flag_of, number_of, object_of, text_of
from heartbeats.vocabulary import LivenessState

DEAD_REUSED_SESSION_FAILURE_THRESHOLD = 3
HANDOFF_SUMMARY_CHARS = 1_500

_TOKEN_KEYS = (
    "inputTokens",
    "cachedInputTokens",
    "outputTokens",
    "rawInputTokens",
    "rawCachedInputTokens",
    "rawOutputTokens",
)


@dataclass(frozen=True)
class CompactionPolicy:
    """Limits of one session; 0 means no limit."""

    enabled: bool = True
    max_session_runs: int = 0
    max_raw_input_tokens: int = 0
    max_session_age_hours: float = 0


BOUNDED = CompactionPolicy(max_session_runs=200, max_raw_input_tokens=2_000_000, max_session_age_hours=72)
SELF_MANAGED = CompactionPolicy()
DEFAULT_POLICIES = {
    "cursor": BOUNDED,
    "gemini_local": BOUNDED,
    "opencode_local": BOUNDED,
    "pi_local": BOUNDED,
    "claude_local": SELF_MANAGED,
    "codex_local": SELF_MANAGED,
    "hermes_local": SELF_MANAGED,
}


@dataclass(frozen=True)
class SessionRun:
    """One run of a session's history."""

    id: str
    created_at: datetime
    liveness_state: str | None
    usage: Mapping[str, Any] | None
    summary: str | None = None


@dataclass(frozen=True)
class Rotation:
    """Whether to start a fresh session, why, what to tell it, and the latest run of the old one."""

    rotate: bool
    reason: str | None = None
    handoff_markdown: str | None = None
    previous_run_id: str | None = None


NO_ROTATION = Rotation(rotate=False)


def parse_compaction_policy(adapter_type: str, runtime_config: Mapping[str, Any]) -> CompactionPolicy:
    """The adapter's defaults, overridden key by key from the agent's runtime config; garbage keeps the default."""
    default = DEFAULT_POLICIES.get(adapter_type, SELF_MANAGED)
    heartbeat = object_of(runtime_config.get("heartbeat"))
    given = next(
        (
            object_of(value)
            for value in (
                heartbeat.get("sessionCompaction"),
                heartbeat.get("sessionRotation"),
                runtime_config.get("sessionCompaction"),
            )
            if isinstance(value, Mapping)
        ),
        {},
    )
    return CompactionPolicy(
        enabled=flag_of(given.get("enabled"), default=default.enabled),
        max_session_runs=count_of(given.get("maxSessionRuns"), default.max_session_runs),
        max_raw_input_tokens=count_of(given.get("maxRawInputTokens"), default.max_raw_input_tokens),
        max_session_age_hours=max(0.0, number_of(given.get("maxSessionAgeHours"), default.max_session_age_hours)),
    )


def history_length(policy: CompactionPolicy) -> int:
    """How many of the latest runs of the session ``evaluate_compaction`` needs."""
    return max(policy.max_session_runs + 1 if policy.max_session_runs else 0, DEAD_REUSED_SESSION_FAILURE_THRESHOLD + 1)


def detect_dead_session(session_id: str, runs: Sequence[SessionRun]) -> Rotation:
    """The breaker: the three latest runs (newest first) all resumed this session, failed, and moved not one token.

    Anything else between them breaks the streak. The latest run is reported either way.
    """
    previous = runs[0].id if runs else None
    latest = runs[:DEAD_REUSED_SESSION_FAILURE_THRESHOLD]
    if len(latest) < DEAD_REUSED_SESSION_FAILURE_THRESHOLD or not all(_is_dead(run, session_id) for run in latest):
        return Rotation(rotate=False, previous_run_id=previous)
    reason = f"the reused session failed {DEAD_REUSED_SESSION_FAILURE_THRESHOLD} consecutive runs without any tokens"
    return Rotation(rotate=True, reason=reason, previous_run_id=previous)


def evaluate_compaction(
    *,
    policy: CompactionPolicy,
    session_id: str | None,
    runs: Sequence[SessionRun],
    oldest_created_at: datetime | None = None,
    issue_id: str | None = None,
    continuation_summary: str | None = None,
) -> Rotation:
    """Judge a session by its latest runs, newest first (``history_length`` of them).

    The breaker comes first and needs no threshold. ``oldest_created_at`` is when the session's first run was created,
    when the history given does not reach back to it.
    """
    if not session_id or not runs:
        return NO_ROTATION
    dead = detect_dead_session(session_id, runs)
    reason = dead.reason or _threshold_reason(policy, runs, oldest_created_at)
    if reason is None:
        return Rotation(rotate=False, previous_run_id=runs[0].id)
    handoff = _handoff(session_id, issue_id, reason, runs[0].summary, continuation_summary)
    return Rotation(rotate=True, reason=reason, handoff_markdown=handoff, previous_run_id=runs[0].id)


def _is_dead(run: SessionRun, session_id: str) -> bool:
    usage = object_of(run.usage)
    return (
        run.liveness_state == LivenessState.FAILED
        and usage.get("sessionReused") is True
        and text_of(usage.get("persistedSessionId")) == session_id
        and all(number_of(usage.get(key), 0) <= 0 for key in _TOKEN_KEYS)
    )


def _threshold_reason(policy: CompactionPolicy, runs: Sequence[SessionRun], oldest: datetime | None) -> str | None:
    if not policy.enabled:
        return None
    usage = object_of(runs[0].usage)
    raw_input = count_of(usage.get("rawInputTokens"), count_of(usage.get("inputTokens")))
    first = min(oldest or runs[-1].created_at, runs[-1].created_at)
    age_hours = max(0.0, (runs[0].created_at - first).total_seconds() / 3600)
    if 0 < policy.max_session_runs < len(runs):
        return f"session exceeded {policy.max_session_runs} runs"
    if 0 < policy.max_raw_input_tokens <= raw_input:
        return f"session raw input reached {raw_input:,} tokens (threshold {policy.max_raw_input_tokens:,})"
    if 0 < policy.max_session_age_hours <= age_hours:
        return f"session age reached {math.floor(age_hours)} hours"
    return None


def _handoff(
    session_id: str, issue_id: str | None, reason: str, summary: str | None, continuation_summary: str | None
) -> str:
    facts = {
        "Previous session": session_id,
        "Issue": issue_id,
        "Rotation reason": reason,
        "Last run summary": first_text(summary),
        "Issue continuation summary": continuation_summary[:HANDOFF_SUMMARY_CHARS] if continuation_summary else None,
    }
    lines = [f"- {label}: {value}" for label, value in facts.items() if value]
    closing = "Carry on from where the task stands now, and rebuild only the context that you need."
    return "\n".join(["Session handoff:", *lines, closing])
