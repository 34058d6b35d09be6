"""What claiming reads: the agent and its queue, then the locked candidates with their issues (spec/2 C)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from agents.budgets.blocking import USED_UP, invocation_block
from agents.budgets.observed import month_start
from agents.models import Agent
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs.claim_gates import ClaimFacts, ClaimIssue, Participant
from heartbeats.runs.claim_order import QueuedRun, in_claim_order
from heartbeats.runs.whose_project import named_project
from heartbeats.vocabulary import RunStatus
from heartbeats.wakeups.context import current_comment_id, is_interaction_wake
from heartbeats.wakeups.facts import Row, budget_block
from heartbeats.wakeups.incoming import uuid_of
from heartbeats.wakeups.interactions import Requester, SpokenComment, is_verified_interaction
from heartbeats.wakeups.policy import MAX_CONCURRENT_RUNS_MAX
from issues.models import Issue, IssueComment
from issues.readiness import Readiness, readiness_of

# So that one short transaction stays short when very many runs are queued, or very many fail a gate.
MOST_JUDGED = 40
MOST_LOADED = MOST_JUDGED + MAX_CONCURRENT_RUNS_MAX

_USED_UP = USED_UP.format(
    company="c.id", scopes="array[c.id, %(agent)s::uuid] || array(select f.project_id from first f)"
)

# At least one row: the occupied slots, the database's clock, how many queued runs may be claimed, and what stops the
# company; with it the first of those runs, in the order of `claim_order`. A run waits while the process of its issue's
# previous run is still being stopped.
_QUEUE = f"""
with waiting as (
    select r.id, r.created_at, r.issue_id, i.status as issue_status, i.priority, i.project_id,
           not exists (select 1 from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
                        where e.blocked_id = i.id and b.status <> 'done') as ready
    from heartbeats_heartbeatrun r left join issues_issue i on i.id = r.issue_id
    where r.agent_id = %(agent)s and r.status = 'queued'
      and not exists (select 1 from heartbeats_heartbeatrun p
                       where p.issue_id = r.issue_id and p.process_stopping)
), first as (
    select * from waiting
    order by case when issue_id is null then 2 when not ready then 3
                  when issue_status = 'in_progress' then 0 else 1 end,
             coalesce(array_position(array['critical', 'high', 'medium', 'low'], priority::text), 5), created_at, id
    limit %(most)s
)
select (select count(*) from heartbeats_heartbeatrun o
         where o.agent_id = %(agent)s and (o.status = 'running' or o.process_stopping)),
       clock_timestamp(), (select count(*) from waiting), c.status, c.pause_reason,
       (select json_agg(json_build_object('type', s.scope_type, 'id', s.scope_id)) from (
          select i.scope_type, i.scope_id from agents_budgetincident i
           where i.company_id = c.id and i.status = 'open' and i.threshold_type = 'hard'
          union all {_USED_UP}) s),
       first.id, first.created_at, first.issue_id, first.issue_status, first.priority, first.ready
from agents_company c left join first on true
where c.id = %(company)s
"""  # noqa: S608 - constants only


@dataclass(frozen=True)
class Queue:
    """An agent's queue as it stands under the agent's lock. `database_now` is the clock that leases are set by.

    `runs` are the first of those that may be claimed, in order; `waiting` counts them all. `stops` are the facts about
    what stops the company.
    """

    occupied: int
    database_now: datetime
    waiting: int
    runs: list[QueuedRun]
    stops: Row


@dataclass(frozen=True)
class Candidate:
    """A locked queued run with its locked issue and the facts that the claim gates judge."""

    run: HeartbeatRun
    issue: Issue | None
    facts: ClaimFacts


def lock_agent(agent_id: UUID) -> Agent | None:
    """The agent under its lock."""
    return Agent.objects.select_for_update(no_key=True).filter(pk=agent_id).first()


def load_queue(agent: Agent, *, now: datetime) -> Queue:
    """Occupied slots, the queued runs that may be claimed, and the company's stops as of `now`: one statement."""
    values: dict[str, Any] = {
        "agent": agent.pk,
        "company": agent.company_id,
        "most": MOST_LOADED,
        "month": month_start(now),
    }
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE, values)
        rows = cursor.fetchall()
    occupied, database_now, waiting, company_status, pause_reason, stops = rows[0][:6]
    runs = [
        QueuedRun(
            str(run_id), created_at, str(issue_id) if issue_id else None, status, priority, dependency_ready=ready
        )
        for run_id, created_at, issue_id, status, priority, ready in (row[6:] for row in rows)
        if run_id is not None
    ]
    stopped = {"company_status": company_status, "company_pause": pause_reason, "stops": stops or []}
    return Queue(occupied, database_now, waiting, in_claim_order(runs), stopped)


def load_candidates(agent: Agent, chosen: Sequence[QueuedRun], stops: Row, *, now: datetime) -> list[Candidate]:
    """Lock the issues, then the runs, of the chosen ones and read what the gates need: three statements for any number,
    and one for each run whose wake alone names its project.

    A run that somebody took or cancelled meanwhile is not among them. They come in the order of `chosen`.
    """
    issue_ids = {run.issue_id for run in chosen if run.issue_id}
    issues = {issue.pk: issue for issue in _locked_issues(agent, issue_ids)}
    ids = [run.id for run in chosen]
    queued = HeartbeatRun.objects.filter(pk__in=ids, status=RunStatus.QUEUED)
    runs = {str(run.pk): run for run in queued.select_for_update(no_key=True).order_by("pk")}
    ready = readiness_of(agent.company_id, list(issues))
    found = (runs[run_id] for run_id in ids if run_id in runs)
    return [_candidate(agent, run, issues, ready, stops, now) for run in found]


def _locked_issues(agent: Agent, issue_ids: Collection[str]) -> list[Issue]:
    if not issue_ids:
        return []
    rows = Issue.objects.select_related("project").filter(pk__in=issue_ids, company_id=agent.company_id)
    return list(rows.select_for_update(no_key=True, of=("self",)).order_by("pk"))


def _candidate(
    agent: Agent,
    run: HeartbeatRun,
    issues: Mapping[UUID, Issue],
    ready: Mapping[UUID, Readiness],
    stops: Row,
    now: datetime,
) -> Candidate:
    issue = issues.get(run.issue_id) if run.issue_id else None
    readiness = ready.get(issue.pk) if issue else None
    hold = readiness.hold if readiness else None
    named = run.issue_id or uuid_of(run.context.get("issueId"))
    facts = ClaimFacts(
        run_id=str(run.pk),
        agent_id=str(agent.pk),
        agent_status=agent.status,
        context=run.context,
        budget_reason=_budget_reason(agent, issue, stops) or _reason_by_name(run, issue, now),
        issue_id=str(named) if named else None,
        issue=_claim_issue(issue, readiness),
        hold_id=hold["holdId"] if hold else None,
        verified_interaction=hold is not None and is_verified(run.context, run.company_id, named, run_id=run.pk),
    )
    return Candidate(run, issue, facts)


def _claim_issue(issue: Issue | None, readiness: Readiness | None) -> ClaimIssue | None:
    if issue is None:
        return None
    return ClaimIssue(
        id=str(issue.pk),
        status=issue.status,
        assignee_agent_id=_text(issue.assignee_agent_id),
        execution_run_id=_text(issue.execution_run_id),
        participant=_participant(issue),
        stage_type=(issue.execution_state or {}).get("currentStageType"),
        unresolved_blocker_ids=[blocker["id"] for blocker in readiness.blockers] if readiness else [],
    )


def _participant(issue: Issue) -> Participant | None:
    if issue.review_participant_agent_id:
        return Participant("agent", str(issue.review_participant_agent_id))
    return Participant("user", str(issue.review_participant_user_id)) if issue.review_participant_user_id else None


def _budget_reason(agent: Agent, issue: Issue | None, stops: Row) -> str | None:
    project = issue.project if issue else None
    scopes = {str(agent.company_id), str(agent.pk), str(project.pk) if project else ""}
    row = {
        **stops,
        "company_id": agent.company_id,
        "agent_pause": agent.pause_reason,
        "project_id": project.pk if project else None,
        "project_pause": project.pause_reason if project else None,
        "project_paused_at": project.paused_at if project else None,
        "hard_stop": next((stop for stop in stops["stops"] if stop["id"] in scopes), None),
    }
    block = budget_block(row, agent.pk)
    return block.reason if block else None


def _reason_by_name(run: HeartbeatRun, issue: Issue | None, now: datetime) -> str | None:
    project_id = named_project(run, issue)
    block = invocation_block(run.company_id, run.agent_id, project_id, now=now) if project_id else None
    return block.reason if block else None


def is_verified(
    context: Mapping[str, Any],
    company_id: UUID,
    issue_id: UUID | None,
    *,
    run_id: UUID | None = None,
    requesters: Sequence[Requester] = (),
) -> bool:
    """Whether a waiting run or wake is a verified interaction, so that it passes a hold (spec/2 B).

    The requesters are those given and everybody whose wake the run serves. At most two statements.
    """
    comment_id = uuid_of(current_comment_id(context))
    if issue_id is None or comment_id is None or not is_interaction_wake(context):
        return False
    comment = IssueComment.objects.filter(pk=comment_id, issue_id=issue_id, company_id=company_id).first()
    asked = WakeupRequest.objects.filter(run_id=run_id) if run_id else WakeupRequest.objects.none()
    everybody = [Requester(*one) for one in asked.values_list("requested_by_type", "requested_by_id")]
    return is_verified_interaction(
        context,
        company_id=str(company_id),
        issue_id=str(issue_id),
        comment=_spoken(comment) if comment else None,
        requesters=[*requesters, *everybody],
    )


def _spoken(comment: IssueComment) -> SpokenComment:
    author = "agent" if comment.author_agent_id else "user" if comment.author_user_id else None
    author_id = comment.author_agent_id or comment.author_user_id
    return SpokenComment(str(comment.pk), str(comment.company_id), str(comment.issue_id), author, _text(author_id))


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None
