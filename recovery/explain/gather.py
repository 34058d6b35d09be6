"""Gathering what an explanation is decided from: the same facts, by the same statements, as the sweeps (K.13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from agents.budgets.blocking import invocation_block
from agents.models import Agent
from agents.vocabulary import NOT_INVOKABLE
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from issues.models import Issue
from issues.readiness import readiness_of
from issues.vocabulary import IssueStatus
from recovery.explain.agent import AgentToExplain, explain_agent
from recovery.explain.answer import Explanation
from recovery.explain.issue import IssueToExplain, OpenBlocker, explain_issue
from recovery.explain.run import Gate, RunToExplain, explain_run
from recovery.graph.classify import Finding, classify_issue
from recovery.graph.loading import load_graph_below
from recovery.models import WatchdogDecision
from recovery.orphans.candidates import OrphanCandidate
from recovery.orphans.facts import Observer
from recovery.orphans.observing import look_at, looker_here
from recovery.retries.promotion import ParkedRetry, RetriedIssue
from recovery.silence.level import Decided, SilenceFacts
from recovery.stranded.edges import load_waiting
from recovery.stranded.survey import load_stranded
from recovery.vocabulary import WatchdogDecisionKind

_ISSUE = """
select (select min(w.requested_at) from heartbeats_wakeuprequest w
         where w.issue_id = i.id and w.status in ('queued', 'deferred_issue_execution')),
       (select json_build_object('kind', q.kind, 'since', q.created_at) from issues_interaction q
         where q.issue_id = i.id and q.status = 'pending' order by q.created_at limit 1),
       (select json_build_object('kind', p.type, 'since', p.created_at)
          from issues_issueapproval l join agents_approval p on p.id = l.approval_id
         where l.issue_id = i.id and p.status in ('pending', 'revision_requested') order by p.created_at limit 1),
       (select o.identifier from issues_issue o
         where o.company_id = i.company_id and o.origin_kind = 'stranded_issue_recovery' and o.origin_id = i.id::text
           and o.status not in ('done', 'cancelled') limit 1),
       coalesce((select json_agg(json_build_object('identifier', b.identifier, 'status', b.status,
                                                   'since', e.created_at) order by b.number)
          from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
         where e.blocked_id = i.id and b.status <> 'done'), '[]')
from issues_issue i where i.id = %s
"""

_AGENT = """
select (select count(*) from heartbeats_heartbeatrun r
         where r.agent_id = a.id and (r.status = 'running' or r.process_stopping)),
       (select min(r.started_at) from heartbeats_heartbeatrun r where r.agent_id = a.id and r.status = 'running'),
       (select count(*) from heartbeats_heartbeatrun r where r.agent_id = a.id and r.status = 'queued'),
       (select min(r.created_at) from heartbeats_heartbeatrun r where r.agent_id = a.id and r.status = 'queued'),
       (select json_build_object('reason', w.reason, 'since', w.requested_at) from heartbeats_wakeuprequest w
         where w.agent_id = a.id and w.status = 'skipped' order by w.requested_at desc limit 1)
from agents_agent a where a.id = %s
"""

_AT_WAIT = {"pause_hold": "A pause hold is on its issue or above it.", "budget_blocked": "A budget stops new runs."}


def explain_issue_now(issue: Issue, *, now: datetime) -> Explanation:
    """What moves this issue forward, or what it waits for. At most nine statements, and one when it waits."""
    stranded = load_stranded([issue.pk], cap=settings.AUTOMATIC_RUNS_PER_ISSUE)[issue.pk]
    waiting = load_waiting(issue.pk)
    assert waiting is not None
    with connection.cursor() as cursor:
        cursor.execute(_ISSUE, [issue.pk])
        wakeup_since, question, approval, recovery, blockers = cursor.fetchone()
    gate = _gate_of_issue(issue, stranded.facts.pause_held, now)
    facts = replace(stranded.facts, budget_blocked=gate is not None and gate.code == "budget_blocked")
    return explain_issue(
        IssueToExplain(
            status=issue.status,
            since=issue.updated_at,
            stranded=facts,
            waiting=waiting.facts,
            agent_name=issue.assignee_agent.name if issue.assignee_agent else None,
            person=issue.assignee_user.get_username() if issue.assignee_user else None,
            run=_live_run(issue, now) if facts.live_run else None,
            gate=gate,
            asks=_asks(question, approval),
            blockers=tuple(OpenBlocker(one["identifier"], one["status"], _moment(one["since"])) for one in blockers),
            findings=_findings(issue) if blockers or issue.status == IssueStatus.IN_REVIEW else (),
            recovery_identifier=recovery,
            wakeup_since=wakeup_since,
        ),
        now=now,
    )


def _findings(issue: Issue) -> tuple[Finding, ...]:
    """What the graph sweep finds wrong at the end of what this issue waits for (spec/3 J)."""
    return tuple(classify_issue(load_graph_below(issue.company_id, issue.pk), issue.pk))


def explain_run_now(run: HeartbeatRun, *, now: datetime) -> Explanation:
    """What this run does or waits for. The row comes with its agent and issue; at most four statements more."""
    return explain_run(run_to_explain(run, now=now), now=now)


def explain_agent_now(agent: Agent, *, now: datetime) -> Explanation:
    """Why this agent does, or does not, run. Two statements, a few more when something waits."""
    with connection.cursor() as cursor:
        cursor.execute(_AGENT, [agent.pk])
        running, running_since, queued, queued_since, skip = cursor.fetchone()
    block = invocation_block(agent.company_id, agent.pk, None, now=now)
    oldest = _oldest_queued(agent) if queued and running < agent.max_concurrent_runs else None
    timer = agent.heartbeat_enabled and agent.interval_sec > 0
    return explain_agent(
        AgentToExplain(
            name=agent.name,
            status=agent.status,
            status_since=agent.paused_at or agent.updated_at,
            adapter_type=agent.adapter_type,
            pause_reason=agent.pause_reason,
            presence=agent.presence,
            last_seen_at=agent.last_seen_at,
            budget=Gate("budget_blocked", block.reason) if block else None,
            running=running,
            slots=agent.max_concurrent_runs,
            running_since=running_since,
            queued=queued,
            queued_since=queued_since,
            gate=_gate_of_queued(oldest, now) if oldest else None,
            last_heartbeat_at=agent.last_heartbeat_at,
            heartbeat_every=timedelta(seconds=agent.interval_sec) if timer else None,
            last_skip=Gate("skipped", f"{skip['reason']}", _moment(skip["since"])) if skip else None,
        ),
        now=now,
    )


def run_to_explain(run: HeartbeatRun, *, now: datetime) -> RunToExplain:
    """The facts about one run."""
    issue = run.issue
    follower = HeartbeatRun.objects.filter(retry_of_run=run.pk).order_by("-created_at").values_list("pk", flat=True)
    execution, observer = _execution(run, now)
    return RunToExplain(
        status=run.status,
        agent_name=run.agent.name,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        error_code=run.error_code,
        gate=_gate_of_queued(run, now) if run.status == RunStatus.QUEUED else None,
        retry=_parked(run),
        retried_issue=RetriedIssue(issue.pk, issue.status, issue.assignee_agent_id) if issue else None,
        silence=silence_facts(run) if run.status == RunStatus.RUNNING else None,
        execution=execution,
        observer=observer,
        followed_by=_text(follower.first()) if run.status in RunStatus.TERMINAL else None,
    )


def silence_facts(run: HeartbeatRun) -> SilenceFacts:
    """The times of a run and the latest decision about it. One statement."""
    row = WatchdogDecision.objects.filter(run=run.pk).order_by("-created_at").first()
    decided = Decided(WatchdogDecisionKind(row.decision), row.created_at, row.snoozed_until) if row else None
    return SilenceFacts(run.status, run.created_at, run.started_at, run.process_started_at, run.last_output_at, decided)


def _execution(run: HeartbeatRun, now: datetime) -> tuple[Any, Observer | None]:
    """What the reaper would see, where it would look: only at runs that nobody seems to hold."""
    looker = looker_here()
    if run.status != RunStatus.RUNNING or run.lease_expires_at is None or run.lease_expires_at > now:
        return None, None
    candidate = OrphanCandidate(
        run.pk,
        run.epoch,
        run.company_id,
        run.agent_id,
        run.adapter_type,
        run.executor_host,
        run.executor_boot_id,
        run.lease_expires_at,
        run.process_pid,
        run.process_group_id,
        run.process_start_ticks,
        run.error_code,
        run.process_loss_retry_count,
        run.supervisor_losses,
    )
    return look_at([candidate], looker)[0].facts, Observer(looker.host, looker.boot_id, now)


def _gate_of_queued(run: HeartbeatRun, now: datetime) -> Gate | None:
    """What keeps a queued run from being claimed; None when the next dispatch claims it."""
    agent = run.agent
    if agent.status in NOT_INVOKABLE:
        return Gate("agent_not_invokable", f"{agent.name} is {agent.status.replace('_', ' ')} and takes no runs.")
    ready = readiness_of(run.company_id, [run.issue_id]).get(run.issue_id) if run.issue_id else None
    if ready is not None and ready.hold:
        return Gate("pause_hold", _AT_WAIT["pause_hold"])
    if ready is not None and ready.blockers:
        names = ", ".join(blocker["identifier"] for blocker in ready.blockers)
        return Gate("dependencies_blocked", f"Its issue is blocked by {names}.")
    block = invocation_block(run.company_id, agent.pk, run.issue.project_id if run.issue else None, now=now)
    if block is not None:
        return Gate("budget_blocked", block.reason)
    taken = HeartbeatRun.objects.filter(agent=agent).occupying().count()
    if taken < agent.max_concurrent_runs:
        return None
    return Gate(
        "slots_full", f"It waits for a free slot of {agent.name}: {taken} of {agent.max_concurrent_runs} taken."
    )


def _oldest_queued(agent: Agent) -> HeartbeatRun | None:
    queued = HeartbeatRun.objects.filter(agent=agent, status=RunStatus.QUEUED)
    return queued.select_related("agent", "issue").order_by("created_at").first()


def _live_run(issue: Issue, now: datetime) -> RunToExplain | None:
    run = HeartbeatRun.objects.live().filter(issue=issue).select_related("agent", "issue").first()
    return run_to_explain(run, now=now) if run else None


def _gate_of_issue(issue: Issue, held: bool, now: datetime) -> Gate | None:
    if held:
        return Gate("pause_hold", _AT_WAIT["pause_hold"])
    if issue.assignee_agent_id is None:
        return None
    block = invocation_block(issue.company_id, issue.assignee_agent_id, issue.project_id, now=now)
    paused_by_hand = issue.assignee_agent is not None and issue.assignee_agent.status in NOT_INVOKABLE
    return Gate("budget_blocked", block.reason) if block and not paused_by_hand else None


def _asks(question: Mapping[str, Any] | None, approval: Mapping[str, Any] | None) -> Gate | None:
    if question is not None:
        return Gate("question", "A question in its thread waits for a person.", _moment(question["since"]))
    if approval is not None:
        return Gate("approval", "An approval waits for a person.", _moment(approval["since"]))
    return None


def _parked(run: HeartbeatRun) -> ParkedRetry | None:
    if run.status != RunStatus.SCHEDULED_RETRY or run.scheduled_retry_at is None:
        return None
    return ParkedRetry(run.pk, run.agent_id, run.scheduled_retry_at, run.scheduled_retry_attempt, run.retry_reason)


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value)


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
