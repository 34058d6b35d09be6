"""From findings to what is opened, left alone and retired (spec/3 J). The preview is this plan, not carried out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from recovery.graph.classify import Finding, FindingState, changed_after, changed_since, classify_graph
from recovery.graph.model import IssueGraph
from recovery.links import issue_link
from recovery.organisation import AgentNode, Ref, distinct

DEFAULT_LOOKBACK = timedelta(hours=24)


@dataclass(frozen=True)
class OpenEscalation:
    """An open escalation issue. `leaf_key` is its fingerprint, `incident_key` its origin id."""

    issue_id: Ref
    incident_key: str
    leaf_key: str
    source_id: Ref
    live_run: bool = False


class Retirement(StrEnum):
    """What happens to an escalation that is obsolete."""

    CANCEL = "cancel"
    """Remove the blocker and cancel the issue."""
    RELEASE_ONLY = "release_only"
    """Remove the blocker; a run is live on the issue, so it ends by itself."""


@dataclass(frozen=True)
class LivenessPlan:
    """What one reconciliation does, one finding per leaf.

    `settled`: somebody closed the escalation of this leaf and nothing on the path changed since (K.9).
    """

    open: tuple[Finding, ...]
    existing: tuple[Finding, ...]
    settled: tuple[Finding, ...]
    outside_lookback: tuple[Finding, ...]
    retire: tuple[tuple[OpenEscalation, Retirement], ...]


def plan_liveness(
    graph: IssueGraph,
    escalations: Sequence[OpenEscalation],
    *,
    now: datetime,
    lookback: timedelta | None = DEFAULT_LOOKBACK,
    closed_at: Mapping[str, datetime] | None = None,
) -> LivenessPlan:
    """Decide for the whole company at once. `lookback` bounds what is opened, never what is retired; None lifts it.

    `closed_at` says when the latest escalation of a leaf key was closed, if one was. Raises ValueError for a lookback
    that is not positive.
    """
    if lookback is not None and lookback <= timedelta(0):
        raise ValueError("lookback must be positive")
    findings = classify_graph(graph)
    known = {escalation.leaf_key for escalation in escalations}
    since = None if lookback is None else now - lookback
    sorted_out: dict[str, list[Finding]] = {name: [] for name in ("open", "existing", "settled", "outside_lookback")}
    for finding in one_per_leaf(findings):
        place = _place_of(graph, finding, known, since, (closed_at or {}).get(finding.leaf_key))
        sorted_out[place].append(finding)
    places = {name: tuple(found) for name, found in sorted_out.items()}
    return LivenessPlan(**places, retire=tuple(_retirements(findings, escalations)))


def _place_of(
    graph: IssueGraph, finding: Finding, known: set[str], since: datetime | None, closed_at: datetime | None
) -> str:
    if finding.covered or finding.leaf_key in known:
        return "existing"
    if closed_at is not None and not changed_after(graph, finding, closed_at):
        return "settled"
    return "open" if since is None or changed_since(graph, finding, since) else "outside_lookback"


def one_per_leaf(findings: Iterable[Finding]) -> list[Finding]:
    """Of all findings at one leaf the one with the shortest path: its source is nearest to the trouble."""
    nearest: dict[str, Finding] = {}
    for finding in findings:
        held = nearest.get(finding.leaf_key)
        if held is None or len(finding.path) < len(held.path):
            nearest[finding.leaf_key] = finding
    return list(nearest.values())


def escalation_owner_order(graph: IssueGraph, finding: Finding) -> tuple[AgentNode, ...]:
    """Candidates in order; the owner is `first_able`.

    The stalled leaf's assignee, the reporting chains of its assignee and of its creator, the root agents, then
    anybody.
    """
    organisation, leaf = graph.organisation, finding.leaf
    return distinct(
        [
            organisation.find(leaf.assignee_agent_id),
            *organisation.managers_above(leaf.assignee_agent_id),
            organisation.find(leaf.creator_agent_id),
            *organisation.managers_above(leaf.creator_agent_id),
            *organisation.roots(),
            *organisation,
        ]
    )


def escalation_title(finding: Finding) -> str:
    """The title of an escalation issue."""
    return f"Unblock {finding.leaf.identifier}: {finding.state.value.replace('_', ' ')}"


def escalation_description(finding: Finding) -> str:
    """What the owner of an escalation finds: the reason, the path, and what to do about it."""
    path = " -> ".join(issue_link(issue.identifier) for issue in finding.path)
    return "\n".join(
        [
            f"{finding.reason}.",
            "",
            f"- Finding: `{finding.state.value}` ({finding.severity.value})",
            f"- Dependency path: {path}",
            f"- Issue to recover: {issue_link(finding.leaf.identifier)}",
            f"- Next action: {_NEXT_ACTION[finding.state]}",
        ]
    )


def _retirements(
    findings: Iterable[Finding], escalations: Iterable[OpenEscalation]
) -> Iterable[tuple[OpenEscalation, Retirement]]:
    current = {finding.leaf_key for finding in findings}
    for escalation in escalations:
        if escalation.leaf_key not in current:
            yield escalation, Retirement.RELEASE_ONLY if escalation.live_run else Retirement.CANCEL


_NEXT_ACTION = {
    FindingState.BLOCKED_BY_UNASSIGNED_ISSUE: "assign it, or remove the blocking relation.",
    FindingState.BLOCKED_BY_ASSIGNED_BACKLOG_ISSUE: "move it to `todo`, or remove the blocking relation.",
    FindingState.BLOCKED_BY_UNINVOKABLE_ASSIGNEE: "resume its assignee, or hand it to somebody who can be woken.",
    FindingState.BLOCKED_BY_CANCELLED_ISSUE: "remove the blocking relation, or replace the cancelled issue.",
    FindingState.INVALID_REVIEW_PARTICIPANT: "name a reviewer who can be woken.",
    FindingState.IN_REVIEW_WITHOUT_ACTION_PATH: "name a reviewer, or move it out of review.",
}
