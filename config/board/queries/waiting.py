"""Work that waits: queued runs, parked retries, deferred wakeups, and issues that are blocked, held or at rest."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from config.board.queries.rows import ALL, read, total_of
from config.board.words.waiting import Path, issue_row, path_of, work_row
from heartbeats.board.view_models import WaitingRow, WaitingSection

SHOWN = 40
_ORDER = {"queued": 0, "deferred": 1, "scheduled_retry": 2, "held": 3, "blocked": 4, "resting": 5}

_WORK = """
select work.*, a.name as agent_name, a.status as agent_status, a.max_concurrent_runs as slots,
       i.identifier, i.title, i.status as issue_status, count(*) over () as total,
       (select count(*) from heartbeats_heartbeatrun o
         where o.agent_id = a.id and (o.status = 'running' or o.process_stopping)) as occupied
from (
    select r.id, r.id as run_id, r.status, r.created_at as since, r.scheduled_retry_at as due_at,
           r.scheduled_retry_attempt as attempt, r.retry_reason, r.task_key, r.agent_id, r.issue_id, null as behind
    from heartbeats_heartbeatrun r
    where r.company_id = %(company)s and r.status in ('queued', 'scheduled_retry')
  union all
    select w.id, null, w.status, w.requested_at, null, 0, null, w.task_key, w.agent_id, w.issue_id,
           (select b.name from heartbeats_heartbeatrun l join agents_agent b on b.id = l.agent_id
             where l.issue_id = w.issue_id and l.status in ('queued', 'running', 'scheduled_retry') limit 1)
    from heartbeats_wakeuprequest w
    where w.company_id = %(company)s and w.status = 'deferred_issue_execution'
) work join agents_agent a on a.id = work.agent_id left join issues_issue i on i.id = work.issue_id
order by work.due_at nulls first, work.since limit %(limit)s
"""

# Down from the few pauses that are active, not up from every issue. At rest is what an agent left open in good order:
# no sweep takes it up again (spec/3 E), so people see it here.
_PATHS = """
with recursive held as (
    select root_issue_id as id, root_issue_id as root, created_at, 0 as depth from issues_treehold
    where company_id = %(company)s and status = 'active' and mode = 'pause'
  union all
    select i.id, held.root, held.created_at, held.depth + 1
    from held join issues_issue i on i.parent_id = held.id and i.company_id = %(company)s where held.depth < 100
), obstructed as (
    select id from held
  union
    select e.blocked_id from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
    where e.company_id = %(company)s and b.status not in ('done')
  union
    select i.id from issues_issue i
    cross join lateral (select r.status from heartbeats_heartbeatrun r where r.issue_id = i.id
                        order by r.created_at desc, r.id desc limit 1) last
    where i.company_id = %(company)s and i.status in ('todo', 'in_progress') and i.assignee_agent_id is not null
      and i.assignee_user_id is null and last.status = 'succeeded'
      and not exists (select 1 from heartbeats_wakeuprequest w
                      where w.issue_id = i.id and w.status in ('queued', 'claimed', 'deferred_issue_execution'))
)
select i.id as issue_id, i.identifier, i.title, i.status as issue_status, i.updated_at as since,
       i.assignee_agent_id as agent_id, a.name as agent_name, count(*) over () as total,
       (select json_agg(json_build_array(b.identifier, b.title, b.status) order by b.number)
          from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
         where e.blocked_id = i.id and b.status <> 'done') as blockers,
       (select json_build_array(root.identifier, root.title, root.status, held.created_at)
          from held join issues_issue root on root.id = held.root
         where held.id = i.id order by held.depth limit 1) as hold
from obstructed join issues_issue i on i.id = obstructed.id left join agents_agent a on a.id = i.assignee_agent_id
where i.company_id = %(company)s and i.status in ('todo', 'in_progress', 'in_review', 'blocked')
  and i.hidden_at is null
  and not exists (select 1 from heartbeats_heartbeatrun r where r.issue_id = i.id and r.status = 'running')
order by i.updated_at desc limit %(limit)s
"""


def waiting_section(company_id: UUID, *, now: datetime, limit: int = SHOWN) -> WaitingSection:
    """What starts soonest first, then what is held, blocked, at rest. Two statements."""
    work = read(_WORK, {"company": company_id, "limit": limit})
    paths = read(_PATHS, {"company": company_id, "limit": limit})
    by_issue = {row["issue_id"]: path_of(row) for row in paths}
    busy = {row["issue_id"] for row in work if row["issue_id"]}
    rows = [work_row(row, by_issue.get(row["issue_id"], Path()), now=now) for row in work]
    rows += [issue_row(row) for row in paths if row["issue_id"] not in busy]
    total = total_of(work) + total_of(paths) - len(busy & by_issue.keys())
    more = f"{reverse('board')}?all=waiting" if total > limit and limit < ALL else ""
    return WaitingSection(tuple(sorted(rows, key=_soonest)[:limit]), total, more)


def _soonest(row: WaitingRow) -> tuple[Any, ...]:
    return _ORDER.get(row.kind, 9), row.due_at or row.since
