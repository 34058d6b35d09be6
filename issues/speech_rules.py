"""What a comment does to the issue besides being read: reopening, resuming, interrupting. Pure decisions (spec/4)."""

from __future__ import annotations

from dataclasses import dataclass

from issues.vocabulary import ISSUE_TERMINAL, IssueStatus

INTERRUPT_NEEDS_COMMENT = "interrupt needs a comment"
INTERRUPT_BY_BOARD = "Only board users can interrupt active runs"
RESUME_NEEDS_COMMENT = "resume needs a comment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What was asked along with a comment (or a PATCH)."""

    reopen: bool = False
    resume: bool = False
    interrupt: bool = False


NO_WISHES = Wishes()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenOn:
    """The issue that is spoken on. `agent_owned`: an agent is (or is about to be) the assignee."""

    status: str
    agent_owned: bool
    has_blockers: bool
    held: bool = False


def reopens(on: SpokenOn, wishes: Wishes, *, by_person: bool) -> bool:
    """Whether the issue comes back to `todo`.

    Only done, cancelled, and blocked ones without open blockers do: when asked, or when a person speaks to the agent
    that owns it. An agent's comment reopens nothing by itself.
    """
    dormant = on.status in ISSUE_TERMINAL or (on.status == IssueStatus.BLOCKED and not on.has_blockers)
    if not dormant:
        return False
    return wishes.reopen or wishes.resume or (by_person and on.agent_owned)


def resume_refusal(on: SpokenOn) -> str | None:
    """Why work on the issue cannot be asked to go on (409); None if it can."""
    if on.status == IssueStatus.CANCELLED:
        return "Cannot resume a cancelled issue. Restore or reopen it first"
    if on.status in (IssueStatus.IN_REVIEW, IssueStatus.BACKLOG):
        return f"Cannot resume an issue in {on.status}"
    if not on.agent_owned:
        return "Cannot resume an issue without an assigned agent"
    if on.held:
        return "Cannot resume an issue under an active subtree pause hold"
    if on.has_blockers:
        return "Cannot resume an issue with unresolved blockers"
    return None
