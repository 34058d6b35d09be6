"""What must hold for issues: the retry ledger, the one recovery issue, and the promise of the first page."""

from __future__ import annotations

from heartbeats.runs.ledger import NO_ACTION
from recovery.audit.checks import by_sql

# A way forward, or somebody who was told. Each line is one; the last two are rests that people chose (spec/3 E).
_STALLED = """
select i.id as issue_id, i.identifier, i.status, a.name as agent, last.status as last_run_status, last.finished_at
from issues_issue i
join agents_agent a on a.id = i.assignee_agent_id
join agents_company c on c.id = i.company_id
left join issues_project p on p.id = i.project_id
left join lateral (select r.status, r.finished_at from heartbeats_heartbeatrun r where r.issue_id = i.id
                   order by r.created_at desc, r.id desc limit 1) last on true
where i.status in ('todo', 'in_progress') and i.assignee_user_id is null and i.hidden_at is null
  and greatest(i.updated_at, last.finished_at) < %(overdue)s
  and coalesce(last.status, '') not in ('queued', 'running', 'scheduled_retry', 'succeeded')
  and not (i.status = 'in_progress' and last.status is null
           and i.checkout_run_id is null and i.execution_run_id is null)
  and not exists (select 1 from heartbeats_heartbeatrun r
                  where r.issue_id = i.id and r.status in ('queued', 'running', 'scheduled_retry'))
  and not exists (select 1 from heartbeats_wakeuprequest w
                  where w.issue_id = i.id and w.status in ('queued', 'claimed', 'deferred_issue_execution'))
  and not exists (select 1 from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
                  where e.blocked_id = i.id and b.status <> 'done')
  and not exists (select 1 from issues_interaction q where q.issue_id = i.id and q.status = 'pending')
  and not exists (select 1 from issues_issueapproval l join agents_approval q on q.id = l.approval_id
                  where l.issue_id = i.id and q.status in ('pending', 'revision_requested'))
  and not exists (select 1 from recovery_poisonrow x where x.row_id = i.id)
  and not exists (select 1 from agents_budgetincident b
                  where b.company_id = i.company_id and b.status = 'open' and b.threshold_type = 'hard'
                    and b.scope_id in (i.company_id, a.id, i.project_id))
  and not exists (
      with recursive above as (
          select i.id as node, i.parent_id as parent, 0 as depth
          union all
          select q.id, q.parent_id, above.depth + 1 from above join issues_issue q on q.id = above.parent
          where above.depth < 100)
      select 1 from above join issues_treehold h on h.root_issue_id = above.node
      where h.status = 'active' and h.mode = 'pause')
  and a.status not in ('paused', 'pending_approval', 'terminated') and a.wake_on_demand
  and c.status = 'active' and p.paused_at is null
"""

_LEDGER = f"""
select i.id as issue_id, i.identifier, count(*) as automatic_runs, acted.at as last_action_at
from issues_issue i
left join lateral (
    select greatest(i.last_human_action_at, (
        select max(e.created_at) from agents_activityevent e
        where e.issue_id = i.id and e.actor_type = 'agent' and e.agent_id = i.assignee_agent_id
          and e.action not in {NO_ACTION})) as at
) acted on true
join heartbeats_heartbeatrun r on r.issue_id = i.id and (acted.at is null or r.created_at > acted.at)
where i.status not in ('done', 'cancelled')
  and (r.retry_reason is not null or r.wake_reason = 'run_liveness_continuation')
group by i.id, i.identifier, acted.at having count(*) > %(cap)s
"""  # noqa: S608 - constants

CHECKS = (
    by_sql(
        "no_issue_is_stalled",
        "an active issue of an agent has a live path, a waiting path, or something in front of a person",
        _STALLED,
    ),
    by_sql("retry_ledger_within_cap", "automatic runs since somebody last acted stay within the cap", _LEDGER),
    by_sql(
        "one_open_recovery_issue_per_source",
        "a source has at most one open recovery issue of each kind",
        """select company_id, origin_kind, origin_id, array_agg(identifier) as identifiers from issues_issue
           where origin_kind in
               ('stranded_issue_recovery', 'stale_active_run_evaluation', 'harness_liveness_escalation')
             and status not in ('done', 'cancelled') and origin_id is not null
           group by company_id, origin_kind, origin_id having count(*) > 1""",
    ),
    by_sql(
        "checkout_is_of_the_company",
        "a checkout names a run of the issue's company",
        """select i.id as issue_id, i.identifier, r.id as run_id from issues_issue i
           join heartbeats_heartbeatrun r on r.id = i.checkout_run_id where r.company_id <> i.company_id""",
    ),
    by_sql(
        "live_feed_is_gapless",
        "the numbers of a company's live feed have no gap",
        """select company_id, min(seq) as lowest, max(seq) as highest, count(*) as events from agents_liveevent
           where seq is not null group by company_id having count(*) <> max(seq) - min(seq) + 1""",
    ),
)
