"""What a run left behind, and what its end must know, read in one statement (spec/2 E, G)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from heartbeats.models import HeartbeatRun
from heartbeats.runs.liveness import BOOKKEEPING_ACTIVITY, BOOKKEEPING_EVENTS, COMMENTS_READ, Evidence
from heartbeats.runs.usage import recorded_raw_tokens

CONTINUATION_SUMMARY = "continuation-summary"
PLAN = "plan"
# More than the runs without a token that a session survives (the dead-session breaker allows two).
_RECORDS_READ = 5

_TRACES = """
with own_comments as (
    select m.id, m.body, m.created_at from issues_issuecomment m
    where m.created_by_run_id = %(run)s and m.issue_id = %(issue)s
), revisions as (
    select d.key, v.created_at from issues_documentrevision v join issues_issuedocument d on d.id = v.document_id
    where v.created_by_run_id = %(run)s and d.key <> %(summary)s
), products as (
    select created_at from issues_workproduct where created_by_run_id = %(run)s
), operations as (
    select created_at from heartbeats_workspaceoperation where run_id = %(run)s
), deeds as (
    select created_at from agents_activityevent
    where run_id = %(run)s and actor_type <> 'system' and action <> all(%(bookkeeping)s)
), tools as (
    select created_at from heartbeats_runevent where run_id = %(run)s and event_type <> all(%(lifecycle)s)
)
select
  (select json_agg(c.body order by c.created_at, c.id) from
     (select * from own_comments order by created_at desc, id desc limit %(comments)s) c),
  (select id from own_comments order by created_at desc, id desc limit 1),
  (select count(*) from own_comments),
  (select count(*) from revisions where key <> %(plan)s),
  (select count(*) from revisions where key = %(plan)s),
  (select count(*) from products), (select count(*) from operations), (select count(*) from deeds),
  (select count(*) from tools),
  greatest((select max(created_at) from own_comments), (select max(created_at) from revisions),
           (select max(created_at) from products), (select max(created_at) from operations),
           (select max(created_at) from deeds), (select max(created_at) from tools)),
  (select d.body from issues_issuedocument d where d.issue_id = %(issue)s and d.key = %(summary)s),
  exists (select 1 from heartbeats_heartbeatrun o where o.agent_id = %(agent)s and o.id <> %(run)s
            and o.status = 'running'),
  exists (select 1 from heartbeats_heartbeatrun o where o.agent_id = %(agent)s and o.status = 'queued'),
  exists (select 1 from heartbeats_heartbeatrun o where o.issue_id = %(issue)s and o.id <> %(run)s
            and o.status in ('queued', 'running', 'scheduled_retry')),
  (select json_agg(u.usage order by u.created_at desc) from
     (select o.usage, o.created_at from heartbeats_heartbeatrun o
       where o.agent_id = %(agent)s and o.company_id = %(company)s and o.session_id_after = %(session)s
         and o.id <> %(run)s order by o.created_at desc limit %(records)s) u)
"""


@dataclass(frozen=True, kw_only=True)
class Traces:
    """The run's own comments (the last five, oldest first), its evidence, and the state around it.

    `previous_usage` is the usage record of the latest other run of the session that this run ends with and that counted
    a token: one that failed before its tool counted says nothing of the session's total.
    """

    comments: list[str]
    latest_comment_id: UUID | None
    evidence: Evidence
    continuation_summary: str | None
    others_running: bool
    runs_waiting: bool
    other_live_run: bool
    previous_usage: Mapping[str, Any] | None


def load_traces(run: HeartbeatRun, *, session_after: str | None = None) -> Traces:
    """Read everything about a run whose rows are locked: one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            _TRACES,
            {
                "run": run.pk,
                "issue": run.issue_id,
                "agent": run.agent_id,
                "company": run.company_id,
                "session": session_after,
                "summary": CONTINUATION_SUMMARY,
                "plan": PLAN,
                "bookkeeping": list(BOOKKEEPING_ACTIVITY),
                "lifecycle": list(BOOKKEEPING_EVENTS),
                "comments": COMMENTS_READ,
                "records": _RECORDS_READ,
            },
        )
        row = cursor.fetchone()
    return Traces(
        comments=row[0] or [],
        latest_comment_id=row[1],
        evidence=_evidence(row[2:9], row[9]),
        continuation_summary=row[10],
        others_running=row[11],
        runs_waiting=row[12],
        other_live_run=row[13],
        previous_usage=next(filter(recorded_raw_tokens, row[14] or []), None),
    )


def _evidence(counts: tuple[int, ...], latest_at: datetime | None) -> Evidence:
    comments, revisions, plans, products, operations, deeds, tools = counts
    return Evidence(
        comments=comments,
        document_revisions=revisions,
        plan_revisions=plans,
        work_products=products,
        workspace_operations=operations,
        activity=deeds,
        tool_events=tools,
        latest_at=latest_at,
    )
