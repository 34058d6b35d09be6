"""The heartbeat that changes nothing: the row of spec/1 C whose stored presence is the one that was sent.

It is nearly every heartbeat there is, so it costs one statement that is its own transaction: an UPDATE, which waits for
the agent's row lock and then looks again whether the presence is still the one that was sent. So the statement is the
lock and the decision at once. Like every 2xx it is committed, on disk, before the answer (spec/6 G1).
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from agents.credentials import LOCKED_OUT, TOUCH_EVERY
from agents.key_material import hash_key
from agents.vocabulary import Presence
from heartbeats.intake.authentication import SEEN_EVERY
from heartbeats.intake.heartbeat import TAKES_WORK, Heard
from heartbeats.intake.hints import HINTS

_LOCKED_OUT = ", ".join(f"'{status.value}'" for status in sorted(LOCKED_OUT))

# What is read is one moment of the row, and nothing is decided from it but that nothing changes. The key comes after
# its agent, as everywhere: it is reached through `seen`.
_NO_OP = f"""
with known as (
    select k.id as key_id, k.last_used_at, a.id, a.last_seen_at
    from agents_agentkey k join agents_agent a on a.id = k.agent_id and a.company_id = k.company_id
    where k.key_hash = %(key_hash)s and k.revoked_at is null and a.status not in ({_LOCKED_OUT})
      and a.presence = %(presence)s
), seen as (
    update agents_agent t set last_seen_at = greatest(t.last_seen_at, %(now)s) from known
    where t.id = known.id and t.presence = %(presence)s
      and (known.last_seen_at is null or known.last_seen_at <= %(now)s - interval '{SEEN_EVERY.total_seconds()} s')
    returning known.key_id
), used as (
    update agents_agentkey t set last_used_at = %(now)s from seen
    where t.id = seen.key_id
      and (t.last_used_at is null or t.last_used_at <= %(now)s - interval '{TOUCH_EVERY.total_seconds()} s')
)
select a.id, {HINTS} from known a
where a.last_seen_at > %(now)s - interval '{SEEN_EVERY.total_seconds()} s' or exists (select 1 from seen)
"""  # noqa: S608 - no value of a request is in it


def hear_no_op(token: str, presence: Presence, *, now: datetime) -> Heard | None:
    """Take a heartbeat of nothing but a status in, if that is the stored one; None when `hear` is to judge it.

    Notes that the agent was seen as `hear` does. Sends nothing. One statement, begin and commit included. It locks the
    agent, then its key, until its end; within the five seconds in which nothing is to be written again, nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NO_OP, {"key_hash": hash_key(token), "presence": presence.value, "now": now})
        row = cursor.fetchone()
    if row is None:
        return None
    agent_id, critical_waits, lost_run_ids = row
    return Heard(
        agent_id=agent_id,
        presence=presence,
        critical_waits=critical_waits and presence in TAKES_WORK,
        stop_task_ids=tuple(map(str, lost_run_ids)),
    )
