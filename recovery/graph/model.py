"""The issue graph of one company as plain values: who blocks whom, and what keeps each issue moving (spec/3 J)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from issues.vocabulary import ISSUE_TERMINAL, RECOVERY_ORIGINS, IssueStatus
from recovery.organisation import Organisation, Ref


@dataclass(frozen=True)
class Participant:
    """Who an issue in review waits for: one agent or one user."""

    agent_id: Ref | None = None
    user_id: Ref | None = None


@dataclass(frozen=True)
class GraphIssue:
    """One issue. `recovery_issue_id` is an open recovery or escalation issue about it."""

    issue_id: Ref
    identifier: str
    status: str
    updated_at: datetime
    hidden: bool = False
    origin_kind: str | None = None
    assignee_agent_id: Ref | None = None
    assignee_user_id: Ref | None = None
    creator_agent_id: Ref | None = None
    participant: Participant | None = None
    live_run: bool = False
    pending_wakeup: bool = False
    """A queued or deferred wakeup."""
    pending_interaction: bool = False
    pending_approval: bool = False
    recovery_issue_id: Ref | None = None

    @property
    def open(self) -> bool:
        """Neither done nor cancelled."""
        return self.status not in ISSUE_TERMINAL

    @property
    def is_recovery(self) -> bool:
        """Whether recovery opened it: such an issue never gets an escalation of its own (K.9)."""
        return self.origin_kind in RECOVERY_ORIGINS

    @property
    def moving(self) -> bool:
        """Whether a live run, a wakeup, a pending question or approval, or a person moves it forward."""
        return (
            self.live_run
            or self.pending_wakeup
            or self.pending_interaction
            or self.pending_approval
            or self.assignee_user_id is not None
        )


@dataclass(frozen=True)
class Edge:
    """`blocker_id` blocks `blocked_id` since `created_at`."""

    blocker_id: Ref
    blocked_id: Ref
    created_at: datetime


class IssueGraph:
    """The issues of one company, the blocking edges among them, and its organisation. Unknown ends are ignored."""

    def __init__(
        self, company_id: Ref, issues: Iterable[GraphIssue], edges: Iterable[Edge], organisation: Organisation
    ) -> None:
        self.company_id = company_id
        self.organisation = organisation
        self._issues = {issue.issue_id: issue for issue in issues}
        self._blockers: dict[Ref, dict[Ref, datetime]] = {}
        for edge in edges:
            if edge.blocker_id in self._issues and edge.blocked_id in self._issues:
                self._blockers.setdefault(edge.blocked_id, {})[edge.blocker_id] = edge.created_at

    @property
    def issues(self) -> list[GraphIssue]:
        """All issues, in the order given."""
        return list(self._issues.values())

    def issue(self, issue_id: Ref) -> GraphIssue:
        """The issue of that id. Raises KeyError when it is not in the graph."""
        return self._issues[issue_id]

    def unresolved_blockers(self, issue_id: Ref) -> list[GraphIssue]:
        """Blockers that are not done. A cancelled one is unresolved: only `done` resolves."""
        blockers = (self._issues[blocker_id] for blocker_id in self._blockers.get(issue_id, {}))
        return [blocker for blocker in blockers if blocker.status != IssueStatus.DONE]

    def blocked_since(self, blocked_id: Ref, blocker_id: Ref) -> datetime | None:
        """When that edge was made, or None when there is no such edge."""
        return self._blockers.get(blocked_id, {}).get(blocker_id)
