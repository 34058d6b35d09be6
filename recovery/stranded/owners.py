"""Who owns a recovery issue (spec/3 F)."""

from __future__ import annotations

from agents.vocabulary import AgentRole
from recovery.organisation import AgentNode, Organisation, Ref, distinct


def recovery_owner_order(
    organisation: Organisation, *, assignee_id: Ref | None, creator_id: Ref | None
) -> tuple[AgentNode, ...]:
    """Candidates in order: assignee's manager, creator's manager, creator, CTO, CEO, and last the assignee itself.

    The owner is `first_able` of these. The work itself is never reassigned, only the recovery issue has an owner.
    """
    return distinct(
        [
            organisation.manager_of(assignee_id),
            organisation.manager_of(creator_id),
            organisation.find(creator_id),
            *organisation.with_role(AgentRole.CTO),
            *organisation.with_role(AgentRole.CEO),
            organisation.find(assignee_id),
        ]
    )
