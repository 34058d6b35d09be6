"""The explain panels: what recovery says, gathered and decided as its sweeps do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from agents.models import Agent
from config.board.words.explaining import explain_panel
from heartbeats.board.page_parts import Explain
from heartbeats.board.view_models import Tone
from heartbeats.vocabulary import RunStatus
from issues.models import Issue
from recovery.explain.gather import explain_agent_now, explain_issue_now, explain_run_now

_TONES: dict[str, Tone] = {RunStatus.SUCCEEDED: "ok", RunStatus.FAILED: "bad", RunStatus.TIMED_OUT: "bad"}


def explained_run(run: Any, *, now: datetime) -> Explain:  # noqa: ANN401 - a run with its agent and issue
    """The panel of one run. Four statements at most."""
    return explain_panel(explain_run_now(run, now=now), tone=_TONES.get(run.status))


def explained_issue(issue: Issue, *, now: datetime) -> Explain:
    """The panel of one issue, read with its owners. Nine statements at most."""
    return explain_panel(explain_issue_now(issue, now=now))


def explained_agent(agent: Agent, *, now: datetime) -> Explain:
    """The panel of one agent. Two statements, a few more when something waits."""
    return explain_panel(explain_agent_now(agent, now=now))
