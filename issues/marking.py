"""A person reads an issue, or puts it away: marks of theirs alone, which change nothing about the issue."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from agents.actors import Actor
from config.common.wire.errors import Forbidden
from issues.access import issue_for
from issues.models import InboxMark

BOARD_ONLY = "Board access required"


def mark_read(actor: Actor, ref: UUID | str, *, now: datetime) -> InboxMark:
    """The issue is read up to now. People only (403)."""
    return _mark(actor, ref, read_at=now)


def mark_unread(actor: Actor, ref: UUID | str) -> bool:
    """As if it had never been read; whether there was a mark."""
    return _unmark(actor, ref, "read_at")


def archive(actor: Actor, ref: UUID | str, *, now: datetime) -> InboxMark:
    """Out of the person's inbox, until something happens on the issue. People only (403)."""
    return _mark(actor, ref, archived_at=now)


def unarchive(actor: Actor, ref: UUID | str) -> bool:
    """Back into the inbox; whether it was archived."""
    return _unmark(actor, ref, "archived_at")


def _mark(actor: Actor, ref: UUID | str, **columns: datetime) -> InboxMark:
    issue = issue_for(actor, ref, write=True)
    mark, made = InboxMark.objects.get_or_create(
        issue=issue, user_id=_person(actor), defaults={"company_id": issue.company_id, **columns}
    )
    if not made:
        for name, value in columns.items():
            setattr(mark, name, value)
        mark.save(update_fields=[*columns, "updated_at"])
    return mark


def _unmark(actor: Actor, ref: UUID | str, column: str) -> bool:
    issue = issue_for(actor, ref, write=True)
    marked = InboxMark.objects.filter(issue=issue, user_id=_person(actor), **{f"{column}__isnull": False})
    return marked.update(**{column: None}) == 1


def _person(actor: Actor) -> UUID:
    if actor.is_agent or actor.user_id is None:
        raise Forbidden(BOARD_ONLY)
    return actor.user_id
