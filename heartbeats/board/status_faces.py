"""The face of every status: an icon of the sprite, a word and a tone. Closed lists: no status is a bare colour."""

from __future__ import annotations

from dataclasses import dataclass

from heartbeats.board.view_models import Tone


@dataclass(frozen=True, slots=True)
class Face:
    """`icon` names a symbol of static/icons.svg."""

    icon: str
    word: str
    tone: Tone


UNKNOWN = Face("question", "Unknown", "neutral")

RUN_FACES = {
    "queued": Face("clock", "Queued", "neutral"),
    "running": Face("pulse", "Running", "live"),
    "scheduled_retry": Face("retry", "Retry scheduled", "warn"),
    "succeeded": Face("check", "Succeeded", "ok"),
    "failed": Face("cross", "Failed", "bad"),
    "cancelled": Face("minus", "Cancelled", "neutral"),
    "timed_out": Face("hourglass", "Timed out", "bad"),
}
WAKEUP_FACES = {
    "queued": Face("clock", "Queued", "neutral"),
    "claimed": Face("pulse", "Claimed", "live"),
    "completed": Face("check", "Completed", "ok"),
    "failed": Face("cross", "Failed", "bad"),
    "cancelled": Face("minus", "Cancelled", "neutral"),
    "timed_out": Face("hourglass", "Timed out", "bad"),
    "skipped": Face("skip", "Skipped", "warn"),
    "coalesced": Face("merge", "Merged", "neutral"),
    "deferred_issue_execution": Face("clock", "Deferred", "neutral"),
}
AGENT_FACES = {
    "active": Face("dot", "Active", "ok"),
    "online": Face("dot", "Online", "ok"),
    "idle": Face("ring", "Idle", "neutral"),
    "running": Face("pulse", "Running", "live"),
    "busy": Face("pulse", "Busy", "live"),
    "degraded": Face("alert", "Degraded", "warn"),
    "error": Face("cross", "Error", "bad"),
    "paused": Face("pause", "Paused", "warn"),
    "pending_approval": Face("person", "Needs approval", "warn"),
    "benchmarked": Face("dot", "Benchmarked", "ok"),
    "offline": Face("minus", "Offline", "neutral"),
    "terminated": Face("minus", "Terminated", "neutral"),
}
ISSUE_FACES = {
    "backlog": Face("ring", "Backlog", "neutral"),
    "todo": Face("ring", "To do", "neutral"),
    "in_progress": Face("pulse", "In progress", "live"),
    "in_review": Face("eye", "In review", "warn"),
    "blocked": Face("block", "Blocked", "bad"),
    "done": Face("check", "Done", "ok"),
    "cancelled": Face("minus", "Cancelled", "neutral"),
}
PRIORITY_FACES = {
    "critical": Face("priority-4", "Critical", "bad"),
    "high": Face("priority-3", "High", "warn"),
    "medium": Face("priority-2", "Medium", "neutral"),
    "low": Face("priority-1", "Low", "neutral"),
}
NEED_FACES = {
    "escalated": Face("flag", "Escalated", "bad"),
    "stranded": Face("alert", "Stranded", "bad"),
    "recovery_without_owner": Face("person", "No owner", "bad"),
    "silent": Face("mute", "Silent", "bad"),
    "error_group": Face("bug", "Errors", "warn"),
    "budget_stop": Face("money", "Budget", "bad"),
    "approval": Face("stamp", "Approval", "warn"),
    "question": Face("question", "Question", "warn"),
    "poison": Face("pause", "Parked", "warn"),
    "parked_retry": Face("retry", "Retry", "warn"),
    "silent_run": Face("mute", "Quiet", "warn"),
    "mass_loss": Face("alert", "Incident", "bad"),
}
WAIT_FACES = {
    "queued": Face("clock", "Queued", "neutral"),
    "deferred": Face("stack", "Deferred", "neutral"),
    "scheduled_retry": Face("retry", "Retry", "warn"),
    "parked": Face("pause", "Parked", "warn"),
    "blocked": Face("block", "Blocked", "warn"),
    "held": Face("hand", "Held", "warn"),
    "resting": Face("moon", "Resting", "neutral"),
}
SEVERITY_FACES = {
    "fatal": Face("cross", "Fatal", "bad"),
    "critical": Face("cross", "Critical", "bad"),
    "error": Face("cross", "Error", "bad"),
    "warning": Face("alert", "Warning", "warn"),
    "info": Face("dot", "Info", "neutral"),
}
TRIAGE_FACES = {
    "open": Face("bug", "Open", "bad"),
    "acknowledged": Face("eye", "Acknowledged", "warn"),
    "resolved": Face("check", "Resolved", "ok"),
    "ignored": Face("minus", "Ignored", "neutral"),
}
TONE_ICONS: dict[Tone, str] = {
    "ok": "check",
    "warn": "alert",
    "bad": "cross",
    "live": "pulse",
    "neutral": "dot",
}

FACES = {
    "run": RUN_FACES,
    "wakeup": WAKEUP_FACES,
    "agent": AGENT_FACES,
    "issue": ISSUE_FACES,
    "priority": PRIORITY_FACES,
    "need": NEED_FACES,
    "wait": WAIT_FACES,
    "severity": SEVERITY_FACES,
    "triage": TRIAGE_FACES,
}


def face(family: str, value: str) -> Face:
    """The face of `value` in `family`. A value nobody drew gets a question mark and its own name, never an error."""
    known = FACES[family].get(value.lower())
    return known or Face(UNKNOWN.icon, value.replace("_", " ").capitalize() or UNKNOWN.word, UNKNOWN.tone)
