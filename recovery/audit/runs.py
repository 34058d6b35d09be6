"""What must hold for runs, wakeups, leases and events."""

from __future__ import annotations

from recovery.audit.checks import by_sql

LIVE = "('queued', 'running', 'scheduled_retry')"
TERMINAL = "('succeeded', 'failed', 'cancelled', 'timed_out')"

CHECKS = (
    by_sql(
        "one_live_run_per_issue",
        "an issue has at most one live run",
        f"""select issue_id, count(*) as live_runs, array_agg(id::text) as run_ids from heartbeats_heartbeatrun
            where status in {LIVE} and issue_id is not null group by issue_id having count(*) > 1""",  # noqa: S608
    ),
    by_sql(
        "lock_points_at_a_live_run",
        "an execution lock names a live run of that issue",
        f"""select i.id as issue_id, i.identifier, r.id as run_id, r.status, r.issue_id as runs_issue_id
            from issues_issue i join heartbeats_heartbeatrun r on r.id = i.execution_run_id
            where r.status not in {LIVE} or r.issue_id is distinct from i.id""",  # noqa: S608
    ),
    by_sql(
        "no_open_wakeup_of_an_ended_run",
        "the wakeup of a terminal run is closed",
        f"""select w.id as wakeup_id, w.status as wakeup_status, r.id as run_id, r.status as run_status
            from heartbeats_wakeuprequest w join heartbeats_heartbeatrun r on r.wakeup_id = w.id
            where w.status in ('queued', 'claimed') and r.status in {TERMINAL}""",  # noqa: S608
    ),
    by_sql(
        "no_closed_wakeup_of_a_live_run",
        "the wakeup of a live run is open, and claimed exactly when the run is running",
        f"""select w.id as wakeup_id, w.status as wakeup_status, r.id as run_id, r.status as run_status
            from heartbeats_heartbeatrun r join heartbeats_wakeuprequest w on w.id = r.wakeup_id
            where r.status in {LIVE}
              and w.status <> case when r.status = 'running' then 'claimed' else 'queued' end""",  # noqa: S608
    ),
    by_sql(
        "ended_run_is_closed",
        "a terminal run has finished_at and no active environment lease",
        f"""select r.id as run_id, r.status, r.finished_at, l.id as active_lease_id
            from heartbeats_heartbeatrun r
            left join heartbeats_environmentlease l on l.run_id = r.id and l.status = 'active'
            where r.status in {TERMINAL} and not r.process_stopping
              and (r.finished_at is null or l.id is not null)
              and r.updated_at > %(since)s""",  # noqa: S608
    ),
    by_sql(
        "events_are_gapless",
        "the events of a run are numbered 1, 2, 3 without a gap",
        """select r.id as run_id, r.event_seq, e.highest, e.events
           from heartbeats_heartbeatrun r
           left join lateral (select max(seq) as highest, count(*) as events
                              from heartbeats_runevent where run_id = r.id) e on true
           where r.updated_at > %(since)s
             and (coalesce(e.highest, 0) <> e.events or coalesce(e.highest, 0) <> r.event_seq)""",
    ),
    by_sql(
        "expired_lease_was_judged",
        "a running run whose lease ran out is lost, or its verdict is withheld in an open incident",
        """select r.id as run_id, r.executor_host, r.lease_expires_at from heartbeats_heartbeatrun r
           where r.status = 'running' and r.lease_expires_at < %(overdue)s
             and r.error_code is distinct from 'process_detached'
             and not exists (select 1 from recovery_masslossincident m where m.status <> 'closed')""",
    ),
    by_sql(
        "due_retry_was_promoted",
        "a scheduled retry that is due goes back to the queue",
        """select id as run_id, scheduled_retry_at, scheduled_retry_attempt from heartbeats_heartbeatrun
           where status = 'scheduled_retry' and scheduled_retry_at < %(overdue)s""",
    ),
    by_sql(
        "no_company_is_crossed",
        "a run, its agent, its issue and its wakeup are of one company",
        f"""select r.id as run_id, r.company_id, a.company_id as agents_company, i.company_id as issues_company
            from heartbeats_heartbeatrun r join agents_agent a on a.id = r.agent_id
            left join issues_issue i on i.id = r.issue_id
            left join heartbeats_wakeuprequest w on w.id = r.wakeup_id
            where (r.status in {LIVE} or r.updated_at > %(since)s)
              and (a.company_id <> r.company_id or i.company_id <> r.company_id
                   or w.company_id <> r.company_id)""",  # noqa: S608
    ),
    by_sql(
        "no_comment_is_lost",
        "every comment that a served wakeup carried is in the context of the run that serves it",
        """select w.id as wakeup_id, w.status, r.id as run_id, w.wake_comment_id,
                  w.context -> 'wakeCommentIds' as carried, r.context -> 'wakeCommentIds' as handed_over
           from heartbeats_wakeuprequest w join heartbeats_heartbeatrun r on r.id = w.run_id
           where w.requested_at > %(since)s
             and (w.wake_comment_id is not null or w.context -> 'wakeCommentIds' is not null)
             and not coalesce(
                 coalesce(r.context -> 'wakeCommentIds', '[]') @> coalesce(w.context -> 'wakeCommentIds', '[]')
                 and (w.wake_comment_id is null
                      or coalesce(r.context -> 'wakeCommentIds', '[]') ? w.wake_comment_id::text
                      or r.context ->> 'commentId' = w.wake_comment_id::text), false)""",
    ),
)
