"""What is asked when an agent is to run, and what can come of it (spec/2 B)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from agents.actors import Actor, system
from heartbeats.vocabulary import TriggerDetail, WakeupSource, WakeupStatus


class AgentNotFound(LookupError):
    """No such agent, or none of this company (gate 1). No row is written."""


class WakeupConflict(Exception):
    """The agent cannot be woken now (gates 2 and 3): HTTP 409 with `details` (scopeType and scopeId, or status)."""

    def __init__(self, message: str, details: Mapping[str, str]) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details)


@dataclass(frozen=True, kw_only=True)
class WakeupAsk:
    """What is asked, by whom. `company_id` is given where the caller is scoped to one: another's agent is unknown.

    `payload` is kept on the row; `context` is handed to the agent. The issue comes from either (`issueId`).
    """

    agent_id: UUID
    source: WakeupSource
    trigger_detail: TriggerDetail | None = None
    reason: str | None = None
    payload: Mapping[str, Any] | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    requested_by: Actor = field(default_factory=system)
    company_id: UUID | None = None


@dataclass(frozen=True)
class WakeupOutcome:
    """What became of the request. `run_id` is the run that serves it, None when it was skipped or deferred.

    `reason` is the row's reason. `repeated`: the idempotency key was known, the earlier row answers.
    """

    wakeup_id: UUID
    status: WakeupStatus
    reason: str | None
    run_id: UUID | None = None
    repeated: bool = False
