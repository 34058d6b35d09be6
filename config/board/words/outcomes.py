"""How a run ended, in a few words. Pure."""

from __future__ import annotations

from config.board.words.reasons import first_line, known
from heartbeats.board.wording import duration_words
from heartbeats.vocabulary import ErrorCode, LivenessState, RunStatus

_LIVENESS = {
    LivenessState.COMPLETED: "finished the issue",
    LivenessState.ADVANCED: "made progress",
    LivenessState.PLAN_ONLY: "planned and did nothing",
    LivenessState.EMPTY_RESPONSE: "said nothing",
    LivenessState.BLOCKED: "reported that it is blocked",
    LivenessState.NEEDS_FOLLOWUP: "asked for a follow-up",
}
_CODES = {
    ErrorCode.PROCESS_LOST: "its process was lost",
    ErrorCode.AGENT_LOST: "the agent fell silent",
    ErrorCode.POISON: "it killed its executor again and again",
    ErrorCode.ISSUE_DEPENDENCIES_BLOCKED: "the issue was still blocked",
    ErrorCode.ISSUE_NOT_FOUND: "the issue was gone",
    ErrorCode.ISSUE_ASSIGNEE_CHANGED: "the issue went to somebody else",
    ErrorCode.ISSUE_REASSIGNED: "the issue went to somebody else",
    ErrorCode.ISSUE_TERMINAL_STATUS: "the issue was closed already",
    ErrorCode.ISSUE_CANCELLED: "the issue was cancelled",
    ErrorCode.ISSUE_REVIEW_PARTICIPANT_CHANGED: "the review went to somebody else",
    ErrorCode.CODEX_TRANSIENT_UPSTREAM: "the upstream service failed",
    ErrorCode.CLAUDE_TRANSIENT_UPSTREAM: "the upstream service failed",
}


def outcome_words(
    status: str,
    *,
    seconds: float | None = None,
    exit_code: int | None = None,
    signal: str | None = None,
    error_code: str | None = None,
    error: str | None = None,
    liveness: str | None = None,
) -> str:
    """ "exit 1", "killed by SIGKILL", "timed out after 30 m 00 s", "its process was lost", "made progress", or ""."""
    if status == RunStatus.SUCCEEDED:
        amounted = known(LivenessState, liveness)
        return _LIVENESS.get(amounted, "") if amounted else ""
    if status == RunStatus.TIMED_OUT:
        return f"timed out after {duration_words(seconds)}" if seconds is not None else "timed out"
    code = known(ErrorCode, error_code)
    if code in _CODES:
        return _CODES[code]
    if signal:
        return f"killed by {signal}"
    if exit_code:
        return f"exit {exit_code}"
    return first_line(error, 100)
