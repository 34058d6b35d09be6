"""One agent as its page shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.urls import reverse

from agents.models import ActivityEvent, Agent, AgentKey, ErrorGroup
from agents.vocabulary import AdapterType, AgentStatus, TriageState
from config.board.addresses import admin_address
from config.board.callers import Caller
from config.board.queries.agents import agent_load, hours_of, shown_status
from config.board.queries.explaining import explained_agent
from config.board.queries.run_lines import run_lines
from config.board.queries.running import running_rows
from config.board.refusals import NotThere
from config.board.words.reasons import not_started_words, plain
from heartbeats.board.agent_page import AgentPage, ErrorGroupRow, PresenceRow, WakeupRow
from heartbeats.board.page_parts import Fact, FactGroup
from heartbeats.board.view_models import Action, AgentRef, IssueRef
from heartbeats.board.wording import bytes_words, cents_words, span_words
from heartbeats.models import HeartbeatRun, TaskSession, WakeupRequest
from heartbeats.vocabulary import WakeupStatus

RUNS, ERRORS, WAKEUPS, PRESENCE, KEYS, SESSIONS = 20, 20, 20, 20, 10, 10
_NOTHING_STARTED = (WakeupStatus.SKIPPED, WakeupStatus.COALESCED, WakeupStatus.FAILED, WakeupStatus.CANCELLED)


def agent_named(agent_id: UUID) -> Agent:
    """The agent. Raises NotThere. One statement."""
    agent = Agent.objects.select_related("reports_to", "runtime_state").filter(pk=agent_id).first()
    if agent is None:
        raise NotThere
    return agent


def agent_view(agent: Agent, caller: Caller) -> AgentPage:
    """The whole page of an agent that `agent_named` read. Ten statements."""
    load = agent_load(agent.company_id, agent.pk, now=caller.now)
    running = running_rows(Q(agent=agent), now=caller.now)
    return AgentPage(
        agent=AgentRef(agent.pk, agent.name),
        status=shown_status(agent.status, agent.adapter_type, agent.presence),
        since=agent.paused_at if agent.status == AgentStatus.PAUSED else agent.presence_changed_at,
        explain=explained_agent(agent, now=caller.now),
        adapter=agent.adapter_type,
        running=load.running if load else 0,
        slots=agent.max_concurrent_runs,
        queued=load.queued if load else 0,
        actions=_actions(agent) if caller.may_act else (),
        current=tuple(row for row, _ in running),
        hours=load.hours if load else hours_of(()),
        errors=_errors(agent, may_act=caller.may_act),
        wakeups=_wakeups(agent, caller),
        runs=run_lines(HeartbeatRun.objects.filter(agent=agent), RUNS, of_issue=False),
        presence=_presence(agent),
        facts=_facts(agent),
    )


def _actions(agent: Agent) -> tuple[Action, ...]:
    wake, pause, resume = (reverse("act_on_agent", args=[agent.pk, verb]) for verb in ("wake", "pause", "resume"))
    if agent.status == AgentStatus.PAUSED:
        return (Action("Resume", resume, look="primary"),)
    if agent.status in (AgentStatus.TERMINATED, AgentStatus.PENDING_APPROVAL):
        return ()
    sure = f"Pause {agent.name}? Its live runs are cancelled and nothing wakes it until it is resumed."
    return Action("Wake now", wake, look="primary"), Action("Pause", pause, look="danger", confirm=sure)


def _errors(agent: Agent, *, may_act: bool) -> tuple[ErrorGroupRow, ...]:
    rows = ErrorGroup.objects.filter(agent=agent).order_by("-last_seen_at")[:ERRORS]
    return tuple(_error(group, may_act=may_act) for group in rows)


def _error(group: ErrorGroup, *, may_act: bool) -> ErrorGroupRow:
    url = reverse("act_on_errors", args=[group.pk, "acknowledge"])
    sure = "Acknowledge these errors? They open again if they happen again."
    offered = may_act and group.state == TriageState.OPEN
    return ErrorGroupRow(
        id=group.pk,
        severity=group.severity,
        message=group.message,
        count=group.occurrences,
        first_seen=group.first_seen_at,
        last_seen=group.last_seen_at,
        state=group.state,
        run_id=group.last_run_id,
        action=Action("Acknowledge", url, confirm=sure) if offered else None,
    )


def _wakeups(agent: Agent, caller: Caller) -> tuple[WakeupRow, ...]:
    day = caller.now - timedelta(days=1)
    rows = WakeupRequest.objects.filter(agent=agent, requested_at__gt=day, status__in=_NOTHING_STARTED)
    unserved = rows.filter(Q(run__isnull=True) | Q(status=WakeupStatus.COALESCED))
    shown = unserved.select_related("issue").defer("context", "payload").order_by("-requested_at")[:WAKEUPS]
    return tuple(map(_wakeup, shown))


def _wakeup(row: Any) -> WakeupRow:  # noqa: ANN401 - a WakeupRequest with its issue
    issue = IssueRef(row.issue.identifier, row.issue.title, row.issue.status) if row.issue else None
    why = not_started_words(row.reason, row.error)
    if row.status == WakeupStatus.COALESCED:
        why = "A run was already on its way and takes the news along."
    return WakeupRow(row.pk, row.status, row.requested_at, f"{plain(row.requested_by_type)} ({row.source})", why, issue)


def _presence(agent: Agent) -> tuple[PresenceRow, ...]:
    rows = ActivityEvent.objects.filter(
        company_id=agent.company_id, entity_type="agent", entity_id=str(agent.pk), action="agent.presence_changed"
    )
    told = rows.order_by("-created_at").values_list("created_at", "details")[:PRESENCE]
    return tuple(_change(at, said or {}) for at, said in told)


def _change(at: datetime, said: Mapping[str, Any]) -> PresenceRow:
    return PresenceRow(at, str(said.get("to", "")), plain(str(said.get("reason") or "")))


def _facts(agent: Agent) -> tuple[FactGroup, ...]:
    groups = (
        FactGroup("Configuration", tuple(_configuration(agent))),
        FactGroup("Budget", tuple(_budget(agent))),
        FactGroup("Sessions", tuple(_sessions(agent))),
        FactGroup("Keys", tuple(_keys(agent))),
    )
    return tuple(group for group in groups if group.facts)


def _configuration(agent: Agent) -> Iterator[Fact]:
    yield Fact("Role", agent.title or plain(agent.role).capitalize())
    if agent.reports_to:
        yield Fact("Reports to", agent.reports_to.name, url=reverse("agent_page", args=[agent.reports_to_id]))
    timer = f"every {span_words(agent.interval_sec)}" if agent.heartbeat_enabled and agent.interval_sec else "off"
    yield Fact("Timer", timer)
    if agent.timer_due_at:
        yield Fact("Next timer wake", at=agent.timer_due_at)
    if not agent.wake_on_demand:
        yield Fact("On demand", "not woken on demand")
    if agent.host_label:
        yield Fact("Runs on", f"hosts labelled {agent.host_label}")
    if agent.adapter_type == AdapterType.REMOTE:
        yield from _remote(agent)
    yield Fact("Edit", "open in the admin", url=admin_address("agents_agent_change", agent.pk))


def _remote(agent: Agent) -> Iterator[Fact]:
    if agent.last_seen_at:
        yield Fact("Last heartbeat", at=agent.last_seen_at)
    memory = agent.hardware.get("memoryBytes") if isinstance(agent.hardware, dict) else None
    if isinstance(memory, int):
        yield Fact("Memory", bytes_words(memory))


def _budget(agent: Agent) -> Iterator[Fact]:
    limit = cents_words(agent.budget_monthly_cents) if agent.budget_monthly_cents else "no limit"
    yield Fact("This month", f"{cents_words(agent.spent_monthly_cents)} of {limit}")
    state = getattr(agent, "runtime_state", None)
    if state:
        yield Fact("In total", cents_words(state.total_cost_cents))


def _sessions(agent: Agent) -> Iterator[Fact]:
    rows = TaskSession.objects.filter(agent=agent).order_by("-updated_at")
    for key, shown in rows.values_list("task_key", "session_display_id")[:SESSIONS]:
        yield Fact(key[:24], shown or "none", "mono")


def _keys(agent: Agent) -> Iterator[Fact]:
    for key in AgentKey.objects.filter(agent=agent, revoked_at__isnull=True)[:KEYS]:
        label = f"{key.name} {key.prefix}…"
        yield Fact(label, at=key.last_used_at) if key.last_used_at else Fact(label, "never used")
