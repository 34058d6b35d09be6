"""Ringing again for queued runs whose message was lost, came too early or found no free slot (spec/6 fault 13).

Before that, what committed changes asked for and nobody did is done: a wake that was lost is a run to ring for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from django.db import connection, transaction

from agents.vocabulary import NOT_INVOKABLE, AdapterType
from heartbeats.runs.scheduling import ring
from heartbeats.wakeups.intents import carry_out, overdue_intents
from recovery.sweeps.rows import Done, Left, RowResult, SweepPass

RUNG = "rung"
CARRIED_OUT = "carried_out"
LOST_RACE = "lost_race"
# A run this young, or an agent claimed for this lately, is somebody's business at this very moment.
FRESH_SECONDS = 2.0

# Starts at the partial index over queued runs: agents without queued work cost nothing.
_WAITING = """
select a.id, a.host_label, a.company_id
from (
    select r.agent_id from heartbeats_heartbeatrun r
    where r.status = 'queued' and r.created_at <= %(now)s - make_interval(secs => %(fresh)s)
    group by r.agent_id
) waiting
join agents_agent a on a.id = waiting.agent_id
where a.status <> all(%(closed)s) and a.adapter_type <> %(remote)s
  and (%(after)s::uuid is null or a.id > %(after)s)
  and a.max_concurrent_runs > (
      select count(*) from heartbeats_heartbeatrun o
      where o.agent_id = a.id and (o.status = 'running' or o.process_stopping))
  and not exists (
      select 1 from heartbeats_heartbeatrun f
      where f.agent_id = a.id and f.status = 'running'
        and f.claimed_at > %(now)s - make_interval(secs => %(fresh)s))
order by a.id limit %(limit)s
"""


def dispatch_queued(work: SweepPass) -> None:
    """Carry out what is overdue, then ring for every agent with queued runs, a free slot and no fresh claim.

    One statement, and one per thousand agents. Remote agents fetch their work themselves. Ringing twice changes
    nothing, so no row is locked.
    """
    work.over(partial(overdue_intents, work.now), partial(_carry_out, work))
    after: UUID | None = None
    for _ in range(work.config.max_batches):
        rows = _waiting(work, after)
        _ring(work, rows)
        if len(rows) < work.config.batch_size:
            return
        after = rows[-1][0]
    work.cut_short = True


def _carry_out(work: SweepPass, intent_id: UUID) -> RowResult:
    return Done(CARRIED_OUT) if work.dry_run or carry_out(intent_id, work.now) else Left(LOST_RACE)


def _waiting(work: SweepPass, after: UUID | None) -> Sequence[tuple[UUID, str, UUID]]:
    with connection.cursor() as cursor:
        cursor.execute(
            _WAITING,
            {
                "now": work.now,
                "fresh": FRESH_SECONDS,
                "closed": sorted(NOT_INVOKABLE),
                "remote": AdapterType.REMOTE.value,
                "after": after,
                "limit": work.config.batch_size,
            },
        )
        rows: list[tuple[UUID, str, UUID]] = cursor.fetchall()
        return rows


def _ring(work: SweepPass, rows: Sequence[tuple[UUID, str, UUID]]) -> None:
    with transaction.atomic():
        for agent_id, host_label, company_id in rows:
            work.note(agent_id, Done(RUNG, company_id))
            if not work.dry_run:
                ring(agent_id, host_label)
