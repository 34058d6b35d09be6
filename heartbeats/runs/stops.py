"""Hearing from `agents` that work must stop: its runs are cancelled in the transaction that stopped it, or neither."""

from __future__ import annotations

from agents import announcements as said
from heartbeats.runs.cancelling import cancel_runs_of_agent, cancel_runs_of_company, cancel_work_of_scope


def connect() -> None:
    """Listen to `agents`. Called once, when the app is ready; repeating changes nothing."""
    said.agent_paused.connect(on_agent_stopped)
    said.agent_terminated.connect(on_agent_stopped)
    said.scope_stopped.connect(on_scope_stopped)
    said.company_stopped.connect(on_company_stopped)


def on_agent_stopped(news: said.AgentStopped) -> None:
    """A paused or terminated agent runs nothing (spec/2 J)."""
    cancel_runs_of_agent(news.agent_id, reason=news.reason, now=news.now)


def on_scope_stopped(news: said.ScopeStopped) -> None:
    """A budget's hard stop ends what runs and what waits (spec/2 K)."""
    cancel_work_of_scope(news.scope_type, news.scope_id, company_id=news.company_id, reason=news.reason, now=news.now)


def on_company_stopped(news: said.CompanyStopped) -> None:
    """A company that was paused or archived runs nothing."""
    cancel_runs_of_company(news.company_id, reason=news.reason, now=news.now)
