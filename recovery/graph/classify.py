"""Which waiting issues wait for something that will never come (spec/3 J).

Every open issue that waits is followed down its unresolved blockers to the leaves. A leaf that nothing and nobody
moves is a finding. A leaf that an open recovery issue speaks for is a *covered* finding: nothing new is opened for it,
and what was opened is not yet obsolete.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from issues.vocabulary import IssueStatus
from recovery.graph.model import GraphIssue, IssueGraph
from recovery.organisation import Ref

MAX_DEPTH = 100


class FindingState(StrEnum):
    """What is wrong at the leaf."""

    BLOCKED_BY_UNASSIGNED_ISSUE = "blocked_by_unassigned_issue"
    BLOCKED_BY_ASSIGNED_BACKLOG_ISSUE = "blocked_by_assigned_backlog_issue"
    BLOCKED_BY_UNINVOKABLE_ASSIGNEE = "blocked_by_uninvokable_assignee"
    BLOCKED_BY_CANCELLED_ISSUE = "blocked_by_cancelled_issue"
    INVALID_REVIEW_PARTICIPANT = "invalid_review_participant"
    IN_REVIEW_WITHOUT_ACTION_PATH = "in_review_without_action_path"


class Severity(StrEnum):
    """How bad: `warning` may be somebody's intention, `critical` cannot resolve without help."""

    WARNING = "warning"
    CRITICAL = "critical"


_SEVERITY = {
    FindingState.BLOCKED_BY_ASSIGNED_BACKLOG_ISSUE: Severity.WARNING,
    FindingState.IN_REVIEW_WITHOUT_ACTION_PATH: Severity.WARNING,
}
_REASON = {
    FindingState.BLOCKED_BY_UNASSIGNED_ISSUE: "{source} waits for {leaf}, which nobody is assigned to",
    FindingState.BLOCKED_BY_ASSIGNED_BACKLOG_ISSUE: "{source} waits for {leaf}, which is still in the backlog",
    FindingState.BLOCKED_BY_UNINVOKABLE_ASSIGNEE: "{source} waits for {leaf}, whose assignee cannot be woken",
    FindingState.BLOCKED_BY_CANCELLED_ISSUE: "{source} waits for {leaf}, which was cancelled and will never be done",
    FindingState.INVALID_REVIEW_PARTICIPANT: "{leaf} is in review by an agent that cannot be woken",
    FindingState.IN_REVIEW_WITHOUT_ACTION_PATH: "{leaf} is in review, but nobody is asked to review it",
}


@dataclass(frozen=True)
class Finding:
    """One source, one leaf, what is wrong. `path` runs from the source to the leaf, both included."""

    company_id: Ref
    state: FindingState
    source: GraphIssue
    leaf: GraphIssue
    path: tuple[GraphIssue, ...]

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return _SEVERITY.get(self.state, Severity.CRITICAL)

    @property
    def reason(self) -> str:
        """The finding as a sentence with identifiers."""
        return _REASON[self.state].format(source=self.source.identifier, leaf=self.leaf.identifier)

    @property
    def covered(self) -> bool:
        """Whether an open recovery issue already speaks for the leaf."""
        return self.leaf.recovery_issue_id is not None

    @property
    def incident_key(self) -> str:
        """Names this incident for ever: company, source, state and leaf."""
        parts = (self.company_id, self.source.issue_id, self.state.value, self.leaf.issue_id)
        return ":".join(["harness_liveness", *map(str, parts)])

    @property
    def leaf_key(self) -> str:
        """What all incidents at one leaf share: one escalation issue serves them all."""
        return ":".join(["harness_liveness_leaf", *map(str, (self.company_id, self.state.value, self.leaf.issue_id))])


def classify_graph(graph: IssueGraph) -> list[Finding]:
    """All findings, covered ones included, in the order of the graph's issues and edges. Cost: its paths."""
    return [finding for issue in graph.issues if _waits(graph, issue) for finding in _findings_of(graph, issue)]


def classify_issue(graph: IssueGraph, issue_id: Ref) -> list[Finding]:
    """The findings of one issue: what the sweep would say about it."""
    issue = graph.issue(issue_id)
    return list(_findings_of(graph, issue)) if _waits(graph, issue) else []


def changed_since(graph: IssueGraph, finding: Finding, since: datetime) -> bool:
    """Whether an issue or an edge on the finding's path changed at or after `since` (the lookback)."""
    return _last_change(graph, finding) >= since


def changed_after(graph: IssueGraph, finding: Finding, moment: datetime) -> bool:
    """Whether an issue or an edge on the finding's path changed later than `moment`: new evidence."""
    return _last_change(graph, finding) > moment


def _last_change(graph: IssueGraph, finding: Finding) -> datetime:
    edges = zip(finding.path, finding.path[1:], strict=False)
    made = (graph.blocked_since(blocked.issue_id, blocker.issue_id) for blocked, blocker in edges)
    return max([issue.updated_at for issue in finding.path] + [moment for moment in made if moment is not None])


def _waits(graph: IssueGraph, issue: GraphIssue) -> bool:
    if not issue.open or issue.hidden or issue.is_recovery or issue.status == IssueStatus.BACKLOG:
        return False
    return issue.status == IssueStatus.IN_REVIEW or bool(graph.unresolved_blockers(issue.issue_id))


def _findings_of(graph: IssueGraph, source: GraphIssue) -> Iterator[Finding]:
    for path in _paths_to_leaves(graph, source):
        state = _judge_leaf(graph, path[-1])
        if state is not None:
            yield Finding(graph.company_id, state, source, path[-1], path)


def _paths_to_leaves(graph: IssueGraph, source: GraphIssue) -> Iterator[tuple[GraphIssue, ...]]:
    """Depth first, the first path to each leaf. Each issue is entered once, so a cycle ends by itself."""
    seen = {source.issue_id}
    stack: list[tuple[GraphIssue, ...]] = [(source,)]
    while stack:
        path = stack.pop()
        blockers = [] if not path[-1].open else graph.unresolved_blockers(path[-1].issue_id)
        if not blockers:
            yield path
        fresh = [blocker for blocker in blockers if blocker.issue_id not in seen]
        seen.update(blocker.issue_id for blocker in fresh)
        if len(path) < MAX_DEPTH:
            stack.extend((*path, blocker) for blocker in reversed(fresh))


def _judge_leaf(graph: IssueGraph, leaf: GraphIssue) -> FindingState | None:
    if leaf.status == IssueStatus.CANCELLED:
        return FindingState.BLOCKED_BY_CANCELLED_ISSUE
    if leaf.moving or leaf.is_recovery:
        return None
    if leaf.status == IssueStatus.IN_REVIEW:
        return _judge_review(graph, leaf)
    if leaf.assignee_agent_id is None:
        return FindingState.BLOCKED_BY_UNASSIGNED_ISSUE
    assignee = graph.organisation.find(leaf.assignee_agent_id)
    if assignee is None or not assignee.invokable:
        return FindingState.BLOCKED_BY_UNINVOKABLE_ASSIGNEE
    return FindingState.BLOCKED_BY_ASSIGNED_BACKLOG_ISSUE if leaf.status == IssueStatus.BACKLOG else None


def _judge_review(graph: IssueGraph, leaf: GraphIssue) -> FindingState | None:
    asked = leaf.participant
    if asked is None or (asked.agent_id is None and asked.user_id is None):
        return FindingState.IN_REVIEW_WITHOUT_ACTION_PATH
    if asked.user_id is not None:
        return None
    reviewer = graph.organisation.find(asked.agent_id)
    return None if reviewer is not None and reviewer.invokable else FindingState.INVALID_REVIEW_PARTICIPANT
