"""What the watchdog does about one silent run: one evaluation issue, made louder once (spec/3 I, K.9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from agents.vocabulary import AgentRole
from issues.vocabulary import Priority
from recovery.organisation import AgentNode, Organisation, Ref, distinct
from recovery.silence.level import Silence, SilenceLevel


class ScanAction(StrEnum):
    """The action and the counter it lands in."""

    CREATED = "created"
    EXISTING = "existing"
    ESCALATED = "escalated"
    SNOOZED = "snoozed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Evaluation:
    """The newest evaluation issue of a run, open or closed, and since when it calls the silence critical."""

    issue_id: Ref
    open: bool
    priority: str
    created_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True)
class ScanDecision:
    """What to do. `blocks_source`: the source issue becomes blocked by the evaluation; the process is untouched."""

    action: ScanAction
    priority: Priority | None = None
    blocks_source: bool = False


def decide_scan(silence: Silence, evaluation: Evaluation | None, *, evaluates: bool = False) -> ScanDecision:
    """The one action for a running run. Crossing critical acts once; a closed evaluation covers its own silence.

    `evaluates`: the run's own work is such an evaluation. Its silence is shown on the board and opens no further one:
    an owner who falls silent over each would be given another for ever (K.9).
    """
    if silence.level is SilenceLevel.SNOOZED:
        return ScanDecision(ScanAction.SNOOZED)
    if not silence.alarming or evaluates:
        return ScanDecision(ScanAction.SKIPPED)
    critical = silence.level is SilenceLevel.CRITICAL
    if evaluation is not None and evaluation.open:
        louder = critical and evaluation.priority not in {Priority.HIGH, Priority.CRITICAL}
        return ScanDecision(ScanAction.ESCALATED, Priority.HIGH, True) if louder else ScanDecision(ScanAction.EXISTING)
    if evaluation is not None and _already_reviewed(silence, evaluation):
        return ScanDecision(ScanAction.SKIPPED)
    return ScanDecision(ScanAction.CREATED, Priority.HIGH if critical else Priority.MEDIUM, critical)


def evaluation_owner_order(
    organisation: Organisation, *, source_assignee_id: Ref | None, running_agent_id: Ref
) -> tuple[AgentNode, ...]:
    """Candidates: source assignee's manager, running agent's manager, CTO, CEO. The owner is `first_able`."""
    return distinct(
        [
            organisation.manager_of(source_assignee_id),
            organisation.manager_of(running_agent_id),
            *organisation.with_role(AgentRole.CTO),
            *organisation.with_role(AgentRole.CEO),
        ]
    )


@dataclass(frozen=True)
class ScanReport:
    """Counts of one scan, and the evaluation issues it created or made louder."""

    scanned: int = 0
    created: int = 0
    existing: int = 0
    escalated: int = 0
    snoozed: int = 0
    skipped: int = 0
    evaluation_issue_ids: tuple[Ref, ...] = ()

    def counting(self, action: ScanAction, evaluation_issue_id: Ref | None = None) -> ScanReport:
        """With one more scanned run; the issue is named when this scan created it or made it louder."""
        counted = replace(self, scanned=self.scanned + 1, **{action.value: getattr(self, action.value) + 1})
        if action not in {ScanAction.CREATED, ScanAction.ESCALATED} or evaluation_issue_id is None:
            return counted
        return replace(counted, evaluation_issue_ids=(*self.evaluation_issue_ids, evaluation_issue_id))


def _already_reviewed(silence: Silence, evaluation: Evaluation) -> bool:
    closed_at = evaluation.closed_at or evaluation.created_at
    return silence.since is not None and silence.since <= closed_at
