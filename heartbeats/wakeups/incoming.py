"""A requested wakeup as the gates read it: its context filled in, its ids taken out of the JSON (spec/2 B)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from heartbeats.models import HeartbeatRun, TaskSession
from heartbeats.readings import JsonObject, first_text, object_of, text_of
from heartbeats.runs.scheduling import TASK_KEY_CHARS
from heartbeats.vocabulary import WakeReason, WakeupRowReason
from heartbeats.wakeups.asking import WakeupAsk
from heartbeats.wakeups.context import (
    comment_ids,
    current_comment_id,
    derive_session_key,
    derive_task_key,
    enrich,
    with_explicit_resume,
)
from heartbeats.wakeups.facts import FactsQuery
from heartbeats.wakeups.gates import Skipped
from heartbeats.wakeups.interactions import SpokenComment

_SPOKEN_TO_ITSELF = (WakeReason.ISSUE_COMMENTED, WakeReason.ISSUE_COMMENT_MENTIONED)


@dataclass(frozen=True)
class IncomingWake:
    """One request with its enriched context. `session_before` is set by an explicit resume."""

    ask: WakeupAsk
    context: JsonObject
    session_before: str | None = None

    @property
    def issue_ref(self) -> str | None:
        """The issue as it was named, valid or not."""
        return text_of(self.context.get("issueId"))

    @property
    def names_issue(self) -> bool:
        """Whether the wake is about an issue."""
        return self.issue_ref is not None

    @property
    def issue_id(self) -> UUID | None:
        """The issue's id, None when what was named can be none."""
        return uuid_of(self.issue_ref)

    @property
    def task_key(self) -> str | None:
        """The key under which session and scope are kept; timer wakes without issue share one."""
        key = derive_session_key(self.context)
        return key[:TASK_KEY_CHARS] if key else None

    @property
    def current_comment(self) -> str | None:
        """The latest comment of the wake."""
        return current_comment_id(self.context)

    def query(self, now: datetime) -> FactsQuery:
        """What to read for the gates, as of `now`."""
        named = (uuid_of(comment_id) for comment_id in comment_ids(self.context))
        return FactsQuery(
            agent_id=self.ask.agent_id,
            issue_id=self.issue_id,
            project_id=uuid_of(self.context.get("projectId")),
            task_key=self.task_key,
            session_key=self.task_key,
            idempotency_key=self.ask.idempotency_key,
            comment_ids=[comment_id for comment_id in named if comment_id is not None],
            now=now,
        )

    def own_comment(self, spoken: Sequence[SpokenComment]) -> Skipped | None:
        """An agent's own comment never wakes itself, unless it reopened the issue (spec/3 K.8, spec/4 W6)."""
        if self.context.get("wakeReason") not in _SPOKEN_TO_ITSELF or not spoken:
            return None
        agent = ("agent", str(self.ask.agent_id))
        return SKIPPED_OWN if all((one.author_type, one.author_id) == agent for one in spoken) else None


@dataclass(frozen=True)
class _SkippedOwn(Skipped):
    """`Skipped` with a reason that the closed list of gate reasons does not have."""

    reason: Any = WakeupRowReason.OWN_COMMENT


SKIPPED_OWN = _SkippedOwn()


def read_wake(ask: WakeupAsk) -> IncomingWake:
    """Fill in the context. Costs no statement, unless the payload resumes an earlier run (two)."""
    context = enrich(
        ask.context,
        reason=ask.reason,
        source=ask.source,
        trigger_detail=ask.trigger_detail,
        payload=ask.payload,
    )
    resumed = uuid_of((ask.payload or {}).get("resumeFromRunId"))
    return _resuming(ask, context, resumed) if resumed else IncomingWake(ask, context)


def uuid_of(value: object) -> UUID | None:
    """The value as a UUID, None for anything that is none."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _resuming(ask: WakeupAsk, context: JsonObject, run_id: UUID) -> IncomingWake:
    """Resume the session of an earlier run of the same agent (so of the same company); another's changes nothing."""
    run = HeartbeatRun.objects.filter(pk=run_id, agent_id=ask.agent_id).first()
    if run is None:
        return IncomingWake(ask, context)
    task_key = derive_task_key(run.context) or derive_task_key(context)
    display_id, params = _session_of(run, task_key)
    if display_id is None and params is None:
        return IncomingWake(ask, context)
    issue_id = text_of(run.context.get("issueId")) or (str(run.issue_id) if run.issue_id else None)
    resumed = with_explicit_resume(
        context,
        resume_from_run_id=str(run_id),
        session_display_id=display_id,
        session_params=params,
        issue_id=issue_id,
        task_id=text_of(run.context.get("taskId")),
        task_key=task_key,
    )
    return IncomingWake(ask, resumed, display_id)


def _session_of(run: HeartbeatRun, task_key: str | None) -> tuple[str | None, Mapping[str, Any] | None]:
    """The session that the run left. The task's saved parameters serve only while they are those of that session."""
    left = first_text(run.session_id_after, run.session_id_before)
    saved = (
        TaskSession.objects.filter(agent_id=run.agent_id, adapter_type=run.adapter_type, task_key=task_key).first()
        if task_key
        else None
    )
    params = object_of(saved.session_params) if saved else {}
    if saved and params and left in (None, saved.session_display_id, text_of(params.get("sessionId"))):
        return first_text(left, saved.session_display_id, params.get("sessionId")), params
    return left, {"sessionId": left} if left else None
