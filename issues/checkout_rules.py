"""Whether a checkout succeeds: a pure decision (spec/4, checkout invariants)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from issues.vocabulary import IssueStatus


class CheckoutRuling(StrEnum):
    """`HELD`: the caller has it already; nothing needs to change."""

    TAKE = "take"
    HELD = "held"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutFacts:
    """The issue as its row says, with locks of runs that are over or gone left out (they hold nothing).

    `caller_may_hold`: the caller's run is not over, not at work on another issue, and has no rival on this one.
    """

    status: str
    assignee_agent_id: UUID | None
    assignee_user_id: UUID | None
    checkout_run_id: UUID | None
    execution_run_id: UUID | None
    caller_may_hold: bool = True


def judge_checkout(
    facts: CheckoutFacts, *, agent_id: UUID, run_id: UUID | None, expected: Collection[str]
) -> CheckoutRuling:
    """Decide a checkout of the issue for an agent by a run (None: by a person).

    It succeeds from an expected status when the issue is nobody's or this agent's and no other run holds it, by a run
    of this issue or of none (DESIGN 2: the execution lock names the run that is live on the issue). The
    agent's own `in_progress` work that no run holds is taken over whatever was expected.
    """
    if not facts.caller_may_hold:
        return CheckoutRuling.CONFLICT
    if facts.assignee_user_id is not None or facts.assignee_agent_id not in (None, agent_id):
        return CheckoutRuling.CONFLICT
    if any(lock not in (None, run_id) for lock in (facts.checkout_run_id, facts.execution_run_id)):
        return CheckoutRuling.CONFLICT
    own_work = facts.status == IssueStatus.IN_PROGRESS and facts.assignee_agent_id == agent_id
    if own_work and run_id is not None and facts.checkout_run_id == run_id == facts.execution_run_id:
        return CheckoutRuling.HELD
    return CheckoutRuling.TAKE if own_work or facts.status in expected else CheckoutRuling.CONFLICT
