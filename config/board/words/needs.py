"""What needs a person, in words: what happened, why, and the one next action. Pure but for addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse

from agents.vocabulary import NOT_INVOKABLE
from config.board.addresses import admin_address
from config.board.words.outcomes import outcome_words
from config.board.words.reasons import first_line, plain
from config.board.words.refs import moment
from config.board.words.sweeps import NAMES
from heartbeats.board.view_models import Action, AgentRef, IssueRef, NeedsRow
from heartbeats.board.wording import cents_words, duration_words, relative_words
from recovery.attention import AttentionKind, Waiting
from recovery.vocabulary import SweepName

Facts = Mapping[str, Any]
Said = tuple[str, tuple[str, ...], Action | None]

_ORIGINS = {
    "stranded_issue_recovery": "Automatic recovery gave up on an issue",
    "stale_active_run_evaluation": "A run has been silent for long and wants a review",
    "harness_liveness_escalation": "Work waits for something that never comes",
}
_ASKS = {
    "hire_agent": "hire an agent",
    "approve_ceo_strategy": "approve a strategy",
    "budget_override_required": "spend beyond a budget",
    "request_board_approval": "go ahead",
}
_QUESTIONS = {
    "suggest_tasks": "suggests tasks and waits for a decision",
    "ask_user_questions": "asks a question",
    "request_confirmation": "asks for a confirmation",
}


def need_row(row: Waiting, *, now: datetime, may_act: bool) -> NeedsRow:
    """One row of the statement as the board shows it. Viewers get no button that posts."""
    what, why, action = _SAYS[row.kind](row, row.facts, now)
    if action is not None and action.method == "post" and not may_act:
        action = None
    return NeedsRow(
        id=str(row.entity_id),
        kind=row.kind.value,
        what=what,
        since=row.since,
        why=tuple(line for line in why if line),
        action=action,
        issue=_issue(row),
        agent=_agent(row),
        run_id=row.run_id,
    )


def _agent(row: Waiting) -> AgentRef | None:
    return AgentRef(row.agent_id, row.agent_name) if row.agent_id and row.agent_name else None


def _issue(row: Waiting) -> IssueRef | None:
    if not row.identifier:
        return None
    return IssueRef(row.identifier, row.title or "", row.issue_status or "")


def _open_issue(row: Waiting, label: str = "Open issue") -> Action | None:
    if not row.identifier:
        return None
    return Action(label, reverse("issue_page", args=[row.identifier]), "get")


def _recovery_issue(row: Waiting, facts: Facts, _now: datetime) -> Said:
    owner = facts["owner"] or row.agent_name
    about = _ORIGINS.get(facts["origin"], "A problem that Everbeat cannot safely fix")
    who = f"{owner} is to look at it" if owner else "No agent could take it on and no person has it yet"
    label = "Open issue" if owner else "Assign"
    return f"{row.title}", (f"{about}.", f"{who}.", first_line(facts["description"])), _open_issue(row, label)


def _stranded(row: Waiting, facts: Facts, _now: datetime) -> Said:
    name = row.agent_name
    if facts["agentStatus"] in NOT_INVOKABLE:
        because = f"{name} is {plain(facts['agentStatus'])} and cannot be woken"
    elif facts["runStatus"] is None:
        because = f"{name} never ran on it"
    else:
        ended = outcome_words(facts["runStatus"], error_code=facts["errorCode"])
        because = f"The latest run of {name} {plain(facts['runStatus'])}{f': {ended}' if ended else ''}"
    why = (f"{because}.", "No run is live on it, no wakeup waits, and nothing blocks it.")
    return f"Nothing moves it forward: {row.title}", why, _open_issue(row)


def _silent(row: Waiting, facts: Facts, now: datetime) -> Said:
    age = duration_words((now - row.since).total_seconds())
    where = f"Process {facts['pid']} on {facts['host']}." if facts["pid"] else f"It runs on {facts['host']}."
    title = f": {row.title}" if row.title else ""
    what = f"{row.agent_name} has said nothing for {age}{title}"
    return what, (where,), Action("Review run", reverse("run_page", args=[row.run_id]), "get")


def _errors(row: Waiting, facts: Facts, now: datetime) -> Said:
    last = moment(facts["last"])
    seen = f"{facts['count']} times, last {relative_words(last, now)}" if last else f"{facts['count']} times"
    url = reverse("act_on_errors", args=[row.entity_id, "acknowledge"])
    confirm = "Acknowledge these errors? They open again if they happen again."
    what = f"{row.agent_name}: {first_line(facts['message'])}"
    return what, (f"Reported as {facts['severity']}, {seen}.",), Action("Acknowledge", url, confirm=confirm)


def _budget(row: Waiting, facts: Facts, _now: datetime) -> Said:
    scope = row.agent_name or facts["project"] or "The company"
    spent = f"{cents_words(facts['observed'])} of {cents_words(facts['limit'])}"
    period = "this month" if facts["window"] == "calendar_month_utc" else "in total"
    url = admin_address("agents_budgetincident_changelist")
    what = f"{scope} is stopped by its budget: {spent} {period}"
    return (
        what,
        ("No new run starts in this scope until the budget is raised or a new month begins.",),
        Action("Decide", url, "get"),
    )


def _approval(row: Waiting, facts: Facts, _now: datetime) -> Said:
    who = row.agent_name or "Somebody"
    title = f": {first_line(facts['title'])}" if facts["title"] else ""
    url = admin_address("agents_approval_change", row.entity_id)
    what = f"{who} asks to {_ASKS.get(facts['type'], plain(facts['type']))}{title}"
    return what, (first_line(facts["summary"]),), Action("Decide", url, "get", "primary")


def _question(row: Waiting, facts: Facts, _now: datetime) -> Said:
    who = row.agent_name or "Somebody"
    title = f": {first_line(facts['title'])}" if facts["title"] else ""
    what = f"{who} {_QUESTIONS.get(facts['kind'], 'asks')}{title}"
    return what, (first_line(facts["summary"]),), _open_issue(row, "Answer")


def _poison(row: Waiting, facts: Facts, _now: datetime) -> Said:
    sweep = NAMES[SweepName(facts["sweep"])]
    what = f"{sweep} failed on it {facts['failures']} times{': ' + row.title if row.title else ''}"
    run = Action("Open run", reverse("run_page", args=[row.run_id]), "get") if row.run_id else None
    return what, (first_line(facts["error"]), "The other rows of this sweep are not held up."), _open_issue(row) or run


def _incident(_row: Waiting, facts: Facts, _now: datetime) -> Said:
    what = f"{facts['due']} of {facts['live']} live runs lost their lease at once"
    why = "Everbeat suspects itself before it condemns that many: it withholds the verdicts until somebody confirms."
    return what, (why,), Action("Look into it", reverse("recovery_page"), "get", "primary")


_SAYS: Mapping[AttentionKind, Callable[[Waiting, Facts, datetime], Said]] = {
    AttentionKind.ESCALATED: _recovery_issue,
    AttentionKind.RECOVERY_WITHOUT_OWNER: _recovery_issue,
    AttentionKind.STRANDED: _stranded,
    AttentionKind.SILENT: _silent,
    AttentionKind.ERROR_GROUP: _errors,
    AttentionKind.BUDGET_STOP: _budget,
    AttentionKind.APPROVAL: _approval,
    AttentionKind.QUESTION: _question,
    AttentionKind.POISON: _poison,
    AttentionKind.MASS_LOSS: _incident,
}
