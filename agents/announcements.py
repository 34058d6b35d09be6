"""What this app tells the apps above it, without knowing them.

A `Hook` is called inside the transaction that made the change: the listener's rows commit with it or not at all, so
nothing that was announced can be lost. Listeners hold to the lock order (company, agent, issue, run, wakeup), open no
durable transaction, and leave sending to `config.common.after_commit`. What a listener raises undoes the change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from agents.actors import Actor
from agents.vocabulary import AgentStatus, ApprovalStatus, ApprovalType, BudgetScope

News = TypeVar("News")


@dataclass(slots=True)
class Hook(Generic[News]):
    """One kind of news and who listens to it. Apps connect once, when they are ready."""

    listeners: list[Callable[[News], object]] = field(default_factory=list)

    def connect(self, listener: Callable[[News], object]) -> Callable[[News], object]:
        """Add a listener, once; returns it, so that this works as a decorator."""
        if listener not in self.listeners:
            self.listeners.append(listener)
        return listener

    def disconnect(self, listener: Callable[[News], object]) -> None:
        """Remove a listener, if it is there."""
        if listener in self.listeners:
            self.listeners.remove(listener)

    def tell(self, news: News) -> None:
        """Call every listener, in the order of connecting."""
        for listener in self.listeners:
            listener(news)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStopped:
    """This agent may not run now: cancel its live runs with `reason`. Its row is locked by the teller."""

    company_id: UUID
    agent_id: UUID
    status: AgentStatus
    reason: str
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatusChanged:
    """The status of an agent moved; its row is locked by the teller."""

    company_id: UUID
    agent_id: UUID
    before: AgentStatus
    after: AgentStatus
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeStopped:
    """A budget stopped a company, an agent or a project: cancel its live runs and its wakeups without a run."""

    company_id: UUID
    scope_type: BudgetScope
    scope_id: UUID
    reason: str
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyStopped:
    """A company was paused or archived by a person: cancel its live runs with `reason`."""

    company_id: UUID
    reason: str
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalDecided:
    """An approval got its answer, once. Approved with a requesting agent: that agent is to be woken (spec/4, W11)."""

    company_id: UUID
    approval_id: UUID
    type: ApprovalType
    status: ApprovalStatus
    requested_by_agent_id: UUID | None
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequested:
    """An approval was created for these issues: link them, or refuse with 404 or 422."""

    company_id: UUID
    approval_id: UUID
    issue_ids: tuple[UUID, ...]
    actor: Actor
    now: datetime


agent_paused: Hook[AgentStopped] = Hook()
agent_terminated: Hook[AgentStopped] = Hook()
agent_status: Hook[AgentStatusChanged] = Hook()
scope_stopped: Hook[ScopeStopped] = Hook()
company_stopped: Hook[CompanyStopped] = Hook()
approval_decided: Hook[ApprovalDecided] = Hook()
approval_requested: Hook[ApprovalRequested] = Hook()
