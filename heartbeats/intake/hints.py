"""What the answer to a heartbeat tells besides `acknowledged`: urgent work, and runs to stop (spec/1 C)."""

from __future__ import annotations

# How long an agent is told of a run that we ended. Its next word about the run is refused in any case.
TOLD_FOR_SECONDS = 300
# Of the agent's runs the latest this many are looked at: slots end at ten, and a heartbeat must not read a history.
LATEST_RUNS = 20

# Columns of the statement that admits a heartbeat; `a` is the agent's row, `%(now)s` the time of the request.
HINTS = f"""
    exists (
        select 1 from heartbeats_heartbeatrun q join issues_issue i on i.id = q.issue_id
        where q.agent_id = a.id and q.status = 'queued' and i.priority = 'critical'
          and not exists (select 1 from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
                           where e.blocked_id = i.id and b.status <> 'done')
          and not exists (select 1 from heartbeats_heartbeatrun p where p.issue_id = i.id and p.process_stopping)
    ) as critical_waits,
    array(
        select l.id from (
            select r.id, r.status, r.epoch, r.error_code, r.finished_at from heartbeats_heartbeatrun r
            where r.agent_id = a.id order by r.created_at desc limit {LATEST_RUNS}
        ) l
        where l.status in ('failed', 'cancelled', 'timed_out') and l.epoch > 0
          and l.error_code is distinct from 'agent_reported_failure'
          and l.finished_at > %(now)s - make_interval(secs => {TOLD_FOR_SECONDS})
    ) as lost_run_ids
"""  # noqa: S608 - no value of a request is in it
