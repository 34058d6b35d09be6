"""The last word before a launch: may it still happen? If so, its lease and its event are written. One statement."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import connection

from agents.journal import ANNOUNCE_LOGGED
from agents.vocabulary import NOT_INVOKABLE
from config.common.models import uuid7
from heartbeats.models import HeartbeatRun
from heartbeats.readings import JsonObject
from heartbeats.runs.news import Note, announced, run_events

_ANNOUNCE = f"""
with taken as (
    update heartbeats_heartbeatrun r
    set event_seq = r.event_seq + 1, log_store = 'local_file', log_ref = %(log_ref)s,
        context = r.context || %(handed)s::jsonb, updated_at = clock_timestamp()
    from agents_agent a
    where r.id = %(run)s and r.epoch = %(epoch)s and r.status = 'running'
      and a.id = r.agent_id and not a.status = any(%(not_invokable)s)
    returning r.event_seq as seq
), lease as (
    insert into heartbeats_environmentlease
        (id, created_at, updated_at, company_id, run_id, issue_id, workspace_id, provider, status, acquired_at)
    select %(lease)s, %(now)s, %(now)s, %(company)s, %(run)s, %(issue)s, %(workspace)s, 'local', 'active', %(now)s
    from taken
    on conflict do nothing
    returning id
), logged as (
    insert into agents_activityevent (id, created_at, updated_at, company_id, actor_type, actor_id, action, entity_type,
                                      entity_id, agent_id, run_id, details)
    select %(activity)s, %(now)s, %(now)s, %(company)s, 'system', 'environments', 'environment.lease_acquired',
           'environment_lease', id::text, %(agent)s, %(run)s, '{{"provider": "local"}}' from lease
    returning *
), told as ({ANNOUNCE_LOGGED}), event as (
    insert into heartbeats_runevent
        (company_id, run_id, agent_id, seq, event_type, stream, level, message, payload, created_at)
    select %(company)s, %(run)s, %(agent)s, seq, %(event_type)s, %(stream)s, %(level)s, %(message)s,
           %(payload)s::jsonb, %(now)s from taken
), live as (
    insert into agents_liveevent (company_id, type, payload, created_at)
    select %(company)s, %(live_type)s, %(live_payload)s::jsonb || jsonb_build_object('seq', seq), %(now)s from taken
)
select seq from taken
"""  # noqa: S608 - constants only


def announce_start(
    run: HeartbeatRun,
    invoked: JsonObject,
    *,
    handed: JsonObject,
    workspace_id: str | None,
    log_ref: str,
    now: datetime,
) -> bool:
    """Take the environment's lease and write the event `adapter.invoke`, if the run is still this claim's and its agent
    may run (spec/4 16.4). `handed` is added to the run's context; what was merged into that meanwhile stays. False: it
    must not be launched, and nothing was written. Locks the run while it decides.
    """
    note = Note("adapter invocation", event_type="adapter.invoke", payload=invoked)
    row = run_events(run, [note], 0)[0]
    live = announced(row)
    values: dict[str, Any] = {
        "run": run.pk,
        "epoch": run.epoch,
        "agent": run.agent_id,
        "company": run.company_id,
        "issue": run.issue_id,
        "log_ref": log_ref,
        "handed": json.dumps(handed),
        "workspace": workspace_id,
        "lease": uuid7(),
        "activity": uuid7(),
        "now": now,
        "not_invokable": [status.value for status in NOT_INVOKABLE],
        "event_type": row.event_type,
        "stream": row.stream,
        "level": row.level,
        "message": row.message,
        "payload": json.dumps(invoked),
        "live_type": str(live.type),
        "live_payload": json.dumps(live.payload),
    }
    with connection.cursor() as cursor:
        cursor.execute(_ANNOUNCE, values)
        return cursor.fetchone() is not None
