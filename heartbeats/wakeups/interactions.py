"""Who may speak through a pause hold: verified interaction wakes (spec/2 B, "interaction wake")."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agents.vocabulary import ActorType
from heartbeats.readings import text_of
from heartbeats.vocabulary import WakeReason
from heartbeats.wakeups.context import Context, comment_ids, interaction_reasons

SOURCE_OF_REASON = {
    WakeReason.ISSUE_COMMENTED: "issue.comment",
    WakeReason.ISSUE_REOPENED_VIA_COMMENT: "issue.comment.reopen",
    WakeReason.ISSUE_COMMENT_MENTIONED: "comment.mention",
}


@dataclass(frozen=True)
class Requester:
    """Who asked for a wakeup: ``user``, ``agent`` or ``system``, with the id of the first two."""

    type: str | None
    id: str | None = None


@dataclass(frozen=True)
class SpokenComment:
    """The comment that a wake names, as it stands in the database."""

    id: str
    company_id: str
    issue_id: str
    author_type: str | None
    author_id: str | None


def is_verified_interaction(
    context: Context,
    *,
    company_id: str,
    issue_id: str,
    comment: SpokenComment | None,
    requesters: Iterable[Requester],
) -> bool:
    """True if the wake may pass a pause hold on the issue.

    It must be an interaction whose ``source`` belongs to one of its reasons, name a comment that exists on this issue
    of this company, and have been requested by that comment's author or by the system. Pass every requester whose
    wake was coalesced into the run; one that qualifies is enough.
    """
    sources = {SOURCE_OF_REASON[WakeReason(reason)] for reason in interaction_reasons(context)}
    if text_of(context.get("source")) not in sources or comment is None or comment.id not in comment_ids(context):
        return False
    if (comment.company_id, comment.issue_id) != (company_id, issue_id):
        return False
    return any(_may_speak_for(requester, comment) for requester in requesters)


def _may_speak_for(requester: Requester, comment: SpokenComment) -> bool:
    if requester.type == ActorType.SYSTEM:
        return True
    return requester.id is not None and (requester.type, requester.id) == (comment.author_type, comment.author_id)
