"""What a client missed while it was away."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from heartbeats.live.feed import HEAD, OLDEST, SINCE, FeedEvent, events_of

REPLAY_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """The events after `since`, up to the feed's `head`. `too_old`: they are pruned or too many; refetch everything."""

    head: int
    events: list[FeedEvent]
    too_old: bool = False


def read_backlog(company_id: UUID, since: int | None) -> Backlog:
    """The backlog of one company; without `since` none is wanted. At most 1,000 events."""
    with connection.cursor() as cursor:
        cursor.execute(HEAD, {"company": company_id})
        head: int = cursor.fetchone()[0]
        if since is None or since == head:
            return Backlog(head=head, events=[])
        cursor.execute(OLDEST, {"company": company_id})
        oldest: int = cursor.fetchone()[0]
        if since > head or head - since > REPLAY_LIMIT or oldest > since + 1:
            return Backlog(head=head, events=[], too_old=True)
        cursor.execute(SINCE, {"company": company_id, "since": since, "limit": REPLAY_LIMIT})
        events = events_of(cursor.fetchall())
    return Backlog(head=events[-1].seq if events else head, events=events)
