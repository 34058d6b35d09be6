"""Lines of the trail: what somebody did, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.board.words.reasons import plain

_DID = {
    "issue.created": "created the issue",
    "issue.child_created": "created it as a part",
    "issue.comment_added": "commented",
    "issue.comment_cancelled": "took a comment back",
    "issue.checked_out": "checked it out",
    "issue.released": "gave it back",
    "issue.blockers_updated": "changed what blocks it",
    "issue.tree_hold_created": "held the tree",
    "issue.tree_hold_released": "released the tree",
    "issue.tree_hold_run_interrupted": "stopped its run because of a pause",
    "heartbeat.invoked": "woke the agent",
    "heartbeat.cancelled": "cancelled a run",
}
_CHANGED = {"status": "status", "priority": "priority", "title": "title"}


def did_words(action: str, details: Mapping[str, Any] | None) -> str:
    """ "created the issue", "set status to in progress", "recovery escalated"."""
    if action == "issue.updated":
        return _updated(details or {})
    return _DID.get(action) or plain(action.partition(".")[2] or action)


def _updated(details: Mapping[str, Any]) -> str:
    said = [f"set {word} to {plain(str(details[name]))}" for name, word in _CHANGED.items() if details.get(name)]
    if any(name in details for name in ("assigneeAgentId", "assigneeUserId")):
        said.append("changed the owner")
    return " and ".join(said) or "changed the issue"
