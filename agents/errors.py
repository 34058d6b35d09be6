"""Recording what went wrong, and what people say of it (spec/1 C, F, I).

An occurrence is a row of its own and counts in its group: same agent, severity and normalised message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from agents.access import require_company_write, uuid_or_404
from agents.actors import Actor
from agents.error_fingerprint import fingerprint
from agents.journal import activity, emit, log_activity
from agents.models import ErrorGroup
from agents.scrubbing import scrub_object, scrub_text
from agents.vocabulary import ErrorSeverity, LiveEventType, TriageState
from config.common.models import uuid7
from config.common.transitions import Transitions
from config.common.wire.camel import to_json
from config.common.wire.errors import NotFound

ANNOUNCED_CHARACTERS = 500

TRIAGE = Transitions(
    {
        TriageState.OPEN: {"acknowledged", "resolved", "ignored"},
        TriageState.ACKNOWLEDGED: {"open", "resolved", "ignored"},
        TriageState.RESOLVED: {"open"},
        TriageState.IGNORED: {"open"},
    },
    field="state",
)

# A resolved group that happens again is open again; an ignored one stays ignored, which is what ignoring means.
_RECORD = """
with counted as (
insert into agents_errorgroup as g (id, created_at, updated_at, company_id, agent_id, severity, fingerprint, message,
    occurrences, first_seen_at, last_seen_at, last_run_id, last_issue_id, state)
values (%(id)s, %(now)s, %(now)s, %(company)s, %(agent)s, %(severity)s, %(fingerprint)s, %(message)s,
    1, %(now)s, %(now)s, %(run)s, %(issue)s, 'open')
on conflict (agent_id, severity, fingerprint) do update set
    occurrences = g.occurrences + 1, updated_at = excluded.updated_at, message = excluded.message,
    first_seen_at = least(g.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(g.last_seen_at, excluded.last_seen_at),
    last_run_id = coalesce(excluded.last_run_id, g.last_run_id),
    last_issue_id = coalesce(excluded.last_issue_id, g.last_issue_id),
    state = case when g.state = 'resolved' then 'open' else g.state end,
    state_changed_at = case when g.state = 'resolved' then excluded.last_seen_at else g.state_changed_at end,
    state_changed_by_id = case when g.state = 'resolved' then null else g.state_changed_by_id end
returning g.id, g.occurrences
), kept as (
insert into agents_agenterror (id, created_at, updated_at, company_id, agent_id, group_id, run_id, issue_id,
    severity, message, context, source)
select %(error)s, %(now)s, %(now)s, %(company)s, %(agent)s, counted.id, %(run)s, %(issue)s,
    %(severity)s, %(message)s, %(context)s::jsonb, %(source)s
from counted
)
select id, occurrences from counted
"""


@dataclass(frozen=True, slots=True)
class ReportedError:
    """An error as an agent reports it, not yet scrubbed."""

    severity: ErrorSeverity
    message: str
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordedError:
    """The row of the occurrence, its group, and how often the group has happened."""

    error_id: UUID
    group_id: UUID
    occurrences: int


@dataclass(frozen=True, slots=True)
class Triaged:
    """The group as it is now. `won` is False when the move is not one from where it stood: nothing was written."""

    group: ErrorGroup
    won: bool


def record_error(
    error: ReportedError,
    *,
    company_id: UUID,
    agent_id: UUID,
    source: str,
    now: datetime,
    run_id: UUID | None = None,
    issue_id: UUID | None = None,
) -> RecordedError:
    """Store one occurrence, scrubbed, count it in its group, and announce `agent.error`: two statements.

    In the caller's transaction, with the agent's row locked and `run_id` checked to be the agent's.
    """
    message = scrub_text(error.message)
    row: dict[str, Any] = {
        "id": uuid7(),
        "error": uuid7(),
        "now": now,
        "company": company_id,
        "agent": agent_id,
        "severity": error.severity.value,
        "fingerprint": fingerprint(message),
        "message": message,
        "context": to_json(scrub_object(error.context)).decode(),
        "source": source,
        "run": run_id,
        "issue": issue_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, row)
        group_id, occurrences = cursor.fetchone()
    recorded = RecordedError(row["error"], group_id, occurrences)
    emit(company_id, LiveEventType.AGENT_ERROR, _announced(row, recorded))
    return recorded


def acknowledge_errors(actor: Actor, group_id: UUID | str, *, now: datetime) -> Triaged:
    """Somebody has seen it. Loses on a group that is resolved or ignored."""
    return _triage(actor, group_id, TriageState.ACKNOWLEDGED, now)


def resolve_errors(actor: Actor, group_id: UUID | str, *, now: datetime) -> Triaged:
    """It should not happen again; if it does, the group opens again."""
    return _triage(actor, group_id, TriageState.RESOLVED, now)


def ignore_errors(actor: Actor, group_id: UUID | str, *, now: datetime) -> Triaged:
    """It may happen again and is nobody's business."""
    return _triage(actor, group_id, TriageState.IGNORED, now)


def reopen_errors(actor: Actor, group_id: UUID | str, *, now: datetime) -> Triaged:
    """It needs somebody after all."""
    return _triage(actor, group_id, TriageState.OPEN, now)


def _triage(actor: Actor, group_id: UUID | str, state: TriageState, now: datetime) -> Triaged:
    """Move one group, audited and announced. 404 for an unknown one, 403 for a stranger's. Locks the group."""
    with transaction.atomic():
        rows = ErrorGroup.objects.select_for_update(no_key=True)
        group = rows.filter(id=uuid_or_404(group_id, "Error group")).first()
        if group is None:
            raise NotFound.of("Error group")
        require_company_write(actor, group.company_id)
        before = TriageState(group.state)
        if not TRIAGE.allows(before, state):
            return Triaged(group, won=False)
        decided: dict[str, Any] = {"state_changed_at": now, "state_changed_by_id": actor.user_id, "updated_at": now}
        TRIAGE.move(ErrorGroup.objects.filter(id=group.id), to=state, expected={before}, **decided)
        group.refresh_from_db()
        details = {"from": before, "to": state, "agentId": str(group.agent_id)}
        log_activity(
            activity(
                actor,
                group.company_id,
                "agent.errors_triaged",
                entity_type="error_group",
                entity_id=group.id,
                details=details,
            )
        )
        emit(group.company_id, LiveEventType.AGENT_ERROR, {**details, "groupId": str(group.id)})
    return Triaged(group, won=True)


def _announced(row: Mapping[str, Any], recorded: RecordedError) -> dict[str, Any]:
    return {
        "agentId": str(row["agent"]),
        "errorId": str(recorded.error_id),
        "groupId": str(recorded.group_id),
        "severity": row["severity"],
        "message": row["message"][:ANNOUNCED_CHARACTERS],
        "occurrences": recorded.occurrences,
        "runId": str(row["run"]) if row["run"] else None,
        "issueId": str(row["issue"]) if row["issue"] else None,
        "source": row["source"],
    }
