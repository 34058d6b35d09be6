"""The feed as data: numbering committed events, reading what a client missed. SQL only, no sockets.

`stamp` gives each committed event its company's next number, gapless, in the order of insertion. Writers never touch
a counter; only the one relay runs this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from config.common.clock import wire_time

STAMP = """
with batch as (
    select id, company_id from agents_liveevent where seq is null order by id limit %(limit)s
), sizes as (
    select company_id, count(*) as size from batch group by company_id
), feeds as (
    insert into agents_livefeed (company_id, last_seq, pushed_seq)
    select company_id, size, 0 from sizes
    on conflict (company_id) do update set last_seq = agents_livefeed.last_seq + excluded.last_seq
    returning company_id, last_seq
), numbered as (
    select batch.id,
        feeds.last_seq - sizes.size + row_number() over (partition by batch.company_id order by batch.id) as seq
    from batch join sizes using (company_id) join feeds using (company_id)
)
update agents_liveevent event set seq = numbered.seq
from numbered where event.id = numbered.id
"""

UNPUSHED = """
select event.seq, event.company_id, event.type, event.created_at, event.payload
from agents_livefeed feed join agents_liveevent event using (company_id)
where feed.pushed_seq < feed.last_seq and event.seq > feed.pushed_seq
order by event.company_id, event.seq limit %(limit)s
"""

PUSHED = "update agents_livefeed set pushed_seq = greatest(pushed_seq, %(seq)s) where company_id = %(company)s"

SINCE = """
select event.seq, event.company_id, event.type, event.created_at, event.payload
from agents_liveevent event
where event.company_id = %(company)s and event.seq > %(since)s and event.seq is not null
order by event.seq limit %(limit)s
"""

HEAD = "select coalesce((select last_seq from agents_livefeed where company_id = %(company)s), 0)"
OLDEST = "select coalesce(min(seq), 0) from agents_liveevent where company_id = %(company)s and seq is not null"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One numbered event as it goes over the wire."""

    seq: int
    company_id: UUID
    type: str
    created_at: datetime
    payload: dict[str, Any]

    def envelope(self) -> dict[str, Any]:
        """The wire form of spec/4 section 10; `id` is the company's gapless number."""
        return {
            "id": self.seq,
            "companyId": str(self.company_id),
            "type": self.type,
            "createdAt": wire_time(self.created_at),
            "payload": self.payload,
        }


def events_of(rows: Sequence[Sequence[Any]]) -> list[FeedEvent]:
    """Rows of UNPUSHED or SINCE as events."""
    return [FeedEvent(*row) for row in rows]


def company_group(company_id: UUID | str) -> str:
    """The channel-layer group of everybody who watches this company."""
    return f"company.{company_id}"
