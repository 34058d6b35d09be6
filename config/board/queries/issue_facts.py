"""What the explanation of an issue is decided from, gathered in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agents.vocabulary import INVOKABLE
from config.board.queries.explaining import run_to_explain
from config.board.queries.lineage import family_of
from config.board.queries.rows import read
from config.board.queries.run import run_named
from config.board.words.explaining import explain_panel
from config.board.words.refs import moment
from heartbeats.board.page_models import Explain
from issues.models import Issue
from issues.readiness import HOLD_SQL
from recovery.explain.issue import IssueToExplain, OpenBlocker, explain_issue
from recovery.explain.run import Gate, RunToExplain
from recovery.stranded.decision import LatestRun, StrandedFacts
from recovery.stranded.missed_edges import Blocker, WaitingFacts

_FACTS = f"""
select (select json_build_object('id', r.id, 'status', r.status, 'retry', r.retry_reason, 'liveness', r.liveness_state)
          from heartbeats_heartbeatrun r where r.issue_id = i.id order by r.created_at desc limit 1) as latest,
       (select r.id from heartbeats_heartbeatrun r
         where r.issue_id = i.id and r.status in ('queued', 'running', 'scheduled_retry') limit 1) as live,
       (select json_object_agg(w.status, w.since)
          from (select status, min(requested_at) as since from heartbeats_wakeuprequest where issue_id = i.id
                   and status in ('queued', 'deferred_issue_execution') group by status) w) as wakes,
       (select max(requested_at) from heartbeats_wakeuprequest where issue_id = i.id) as last_wake,
       (select json_agg(json_build_object('id', b.id, 'identifier', b.identifier, 'status', b.status,
                                          'since', b.created_at, 'ended', coalesce(b.completed_at, b.cancelled_at))
                        order by b.number)
          from issues_issuerelation e join issues_issue b on b.id = e.blocker_id where e.blocked_id = i.id) as blockers,
       (select o.identifier from issues_issue o
         where o.company_id = i.company_id and o.origin_id = i.id::text and o.status not in ('done', 'cancelled')
           and o.origin_kind in ('stranded_issue_recovery', 'harness_liveness_escalation') limit 1) as recovery,
       (select json_build_object('kind', q.kind, 'since', q.created_at) from issues_interaction q
         where q.issue_id = i.id and q.status = 'pending' order by q.created_at limit 1) as question,
       (select json_build_object('kind', p.type, 'since', p.created_at)
          from issues_issueapproval l join agents_approval p on p.id = l.approval_id
         where l.issue_id = i.id and p.status = 'pending' order by p.created_at limit 1) as approval,
       (select b.created_at from agents_budgetincident b
         where b.company_id = i.company_id and b.status = 'open' and b.threshold_type = 'hard'
           and b.scope_id in (i.company_id, i.assignee_agent_id, i.project_id) limit 1) as budget_since,
       {HOLD_SQL} as hold
from issues_issue i where i.id = %(issue)s and i.company_id = %(company)s
"""  # noqa: S608 - constants only


def explained_issue(issue: Issue, *, now: datetime) -> Explain:
    """The panel of an issue that was read with its assignees. One statement, four with a live run."""
    row = read(_FACTS, {"issue": issue.pk, "company": issue.company_id})[0]
    return explain_panel(explain_issue(_facts(issue, row), now=now))


def _facts(issue: Issue, row: Mapping[str, Any]) -> IssueToExplain:
    wakes = row["wakes"] or {}
    waits_since = moment(wakes.get("deferred_issue_execution") or wakes.get("queued"))
    agent, person = issue.assignee_agent, issue.assignee_user
    return IssueToExplain(
        status=issue.status,
        since=issue.updated_at,
        stranded=_stranded(issue, row),
        waiting=_waiting(issue, row),
        agent_name=agent.name if agent else None,
        person=person.get_username() if person else None,
        run=_live(row),
        gate=_gate(row),
        asks=_asks(row),
        blockers=tuple(_open(blocker) for blocker in row["blockers"] or () if blocker["status"] != "done"),
        recovery_identifier=row["recovery"],
        wakeup_since=waits_since,
    )


def _stranded(issue: Issue, row: Mapping[str, Any]) -> StrandedFacts:
    wakes, agent, latest = row["wakes"] or {}, issue.assignee_agent, row["latest"]
    return StrandedFacts(
        issue_id=issue.pk,
        status=issue.status,
        agent_owned=issue.assignee_agent_id is not None,
        hidden=issue.hidden_at is not None,
        origin_kind=issue.origin_kind,
        agent_found=agent is not None,
        agent_invokable=agent is not None and agent.status in INVOKABLE,
        live_run=row["live"] is not None,
        deferred_wakeup="deferred_issue_execution" in wakes,
        pause_held=row["hold"] is not None,
        budget_blocked=row["budget_since"] is not None,
        queued_wakeup="queued" in wakes,
        run_linked=bool(issue.checkout_run_id or issue.execution_run_id),
        latest_run=LatestRun(latest["id"], latest["status"], latest["retry"], latest["liveness"]) if latest else None,
    )


def _waiting(issue: Issue, row: Mapping[str, Any]) -> WaitingFacts:
    agent = issue.assignee_agent
    blockers = [Blocker(one["id"], one["status"], moment(one["ended"])) for one in row["blockers"] or ()]
    return WaitingFacts(
        status=issue.status,
        blockers=blockers,
        live_run=row["live"] is not None,
        pause_held=row["hold"] is not None,
        agent_invokable=agent is not None and agent.status in INVOKABLE,
        deferred_wakeup="deferred_issue_execution" in (row["wakes"] or {}),
        last_wake_at=row["last_wake"],
    )


def _live(row: Mapping[str, Any]) -> RunToExplain | None:
    if row["live"] is None:
        return None
    run = run_named(row["live"])
    return run_to_explain(run, family_of(run.company_id, run.pk))


def _gate(row: Mapping[str, Any]) -> Gate | None:
    if row["hold"]:
        return Gate("pause_hold", "A pause hold is on it or above it.")
    return Gate("budget_blocked", "A budget stops new runs.", row["budget_since"]) if row["budget_since"] else None


def _asks(row: Mapping[str, Any]) -> Gate | None:
    if row["question"]:
        return Gate("question", "A question in its thread waits for a person.", moment(row["question"]["since"]))
    if row["approval"]:
        return Gate("approval", "An approval waits for a person.", moment(row["approval"]["since"]))
    return None


def _open(blocker: Mapping[str, Any]) -> OpenBlocker:
    return OpenBlocker(blocker["identifier"], blocker["status"], moment(blocker["since"]))
