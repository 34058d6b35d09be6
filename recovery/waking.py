"""Asking for a wake on recovery's behalf. An agent that cannot be woken now is no fault: a later sweep finds it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from heartbeats.vocabulary import TriggerDetail, WakeReason, WakeupSource
from heartbeats.wakeups.request import AgentNotFound, WakeupAsk, WakeupConflict, WakeupOutcome, request_wakeup
from recovery.issue_actions import RECOVERY

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def wake(
    agent_id: UUID,
    issue_id: UUID,
    *,
    company_id: UUID,
    reason: WakeReason,
    source: str,
    facts: Mapping[str, Any],
    now: datetime,
    wakeup_source: WakeupSource = WakeupSource.ASSIGNMENT,
    in_context: bool = True,
) -> WakeupOutcome | None:
    """Wake an agent about an issue; `facts` go into the payload, and into the context too unless told otherwise.

    `source` is the context's. None: refused. May be called in a transaction whose locks precede issue, run, wakeup.
    """
    issue = {"issueId": str(issue_id)}
    ask = WakeupAsk(
        agent_id=agent_id,
        company_id=company_id,
        source=wakeup_source,
        trigger_detail=TriggerDetail.SYSTEM,
        reason=reason,
        payload={**issue, **facts},
        context={
            **issue,
            "taskId": str(issue_id),
            "wakeReason": reason.value,
            "source": source,
            **(facts if in_context else {}),
        },
        requested_by=RECOVERY,
    )
    try:
        return request_wakeup(ask, now=now)
    except (WakeupConflict, AgentNotFound) as refused:
        log.info("recovery_wake_refused", agent_id=str(agent_id), issue_id=str(issue_id), why=str(refused))
        return None
