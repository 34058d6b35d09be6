"""What the end of a run from outside must know about its issue and its agent, read for many runs in one statement.

The single verbs read the same facts one by one; here they are read together, under the same locks, so that a sweep
that ends two hundred runs does not ask two hundred times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from heartbeats.runs.ending import Ending
from heartbeats.runs.issue_ledger import RUNS_LOOKED_AT, ledger_from
from heartbeats.runs.ledger import NO_ACTION, Ledger, LedgerRun
from heartbeats.runs.scheduling import session_name
from issues.readiness import HOLD_SQL

_AROUND = f"""
select r.id, past.created, past.causes, past.wakes,
  (select max(e.created_at) from agents_activityevent e
    where e.issue_id = i.id and e.agent_id = i.assignee_agent_id and e.actor_type = 'agent'
      and e.action <> all(%(no_action)s)),
  case when r.task_key is null then (select s.session_id from heartbeats_runtimestate s where s.agent_id = r.agent_id)
       else t.session_display_id end,
  case when r.task_key is null then null else t.session_params end::json,
  exists (select 1 from heartbeats_heartbeatrun o where o.issue_id = r.issue_id and o.id <> r.id
            and o.status in ('queued', 'running', 'scheduled_retry')),
  exists (select 1 from heartbeats_wakeuprequest w
            where w.issue_id = r.issue_id and w.status = 'deferred_issue_execution'),
  exists (select 1 from heartbeats_environmentlease l where l.run_id = r.id and l.status = 'active'),
  {HOLD_SQL}
from heartbeats_heartbeatrun r
join agents_agent a on a.id = r.agent_id
left join issues_issue i on i.id = r.issue_id
left join heartbeats_tasksession t
  on t.agent_id = r.agent_id and t.adapter_type = a.adapter_type and t.task_key = r.task_key
left join lateral (
  select array_agg(p.created_at) as created, array_agg(p.retry_reason) as causes, array_agg(p.wake_reason) as wakes
  from (select created_at, retry_reason, wake_reason from heartbeats_heartbeatrun p
        where p.issue_id = r.issue_id order by p.created_at desc limit %(runs)s) p
) past on true
where r.id = any(%(ids)s)
"""  # noqa: S608 - the fragment is a constant


@dataclass(frozen=True)
class Surroundings:
    """The state around one run that ends.

    `session_name`: what its repetition would resume. `waits`: deferred wakeups exist. `hold`: the pause hold over its
    issue. `environment`: it holds a lease on one.
    """

    ledger: Ledger
    session_name: str | None
    other_live_run: bool
    waits: bool
    environment: bool
    hold: dict[str, Any] | None


def load_surroundings(endings: Sequence[Ending]) -> dict[UUID, Surroundings]:
    """By run id; the rows of `endings` are locked, so that nothing here changes before the caller commits."""
    with connection.cursor() as cursor:
        ids = [ending.run.pk for ending in endings]
        cursor.execute(_AROUND, {"ids": ids, "no_action": list(NO_ACTION), "runs": RUNS_LOOKED_AT})
        rows = {row[0]: row[1:] for row in cursor.fetchall()}
    return {ending.run.pk: _surroundings(ending, rows[ending.run.pk]) for ending in endings}


def _surroundings(ending: Ending, row: Sequence[Any]) -> Surroundings:
    created, causes, wakes, acted_at, shown, params, other_live, waits, environment, hold = row
    runs = [LedgerRun(*past) for past in zip(created or (), causes or (), wakes or (), strict=True)]
    issue = ending.issue
    return Surroundings(
        ledger=ledger_from(issue, runs, acted_at) if issue else Ledger(cap=settings.AUTOMATIC_RUNS_PER_ISSUE),
        session_name=session_name(shown, params),
        other_live_run=other_live,
        waits=waits,
        environment=environment,
        hold=hold,
    )
