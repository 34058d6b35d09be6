"""Review and approval between work and done: which stage comes, who decides it, what a decision does. Pure (spec/4 W2).

An execution policy lists stages; each names participants, of whom the first who did not do the work decides. Reaching
for `done` starts the first open stage; the participant's `done` approves it, any other open status asks for changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from issues.vocabulary import ISSUE_TERMINAL, IssueStatus

Json = dict[str, Any]

NOT_PARTICIPANT = "Only the active reviewer or approver can advance the current execution stage"
APPROVAL_NEEDS_COMMENT = "Approving a review or approval stage requires a comment"
CHANGES_NEED_COMMENT = "Requesting changes requires a comment"


class StageType(StrEnum):
    """What is decided."""

    REVIEW = "review"
    APPROVAL = "approval"


class StageRefusal(ValueError):
    """The change does not fit the stage that the issue is in (422)."""


@dataclass(frozen=True, slots=True)
class Party:
    """An agent or a person."""

    type: str
    id: str

    def body(self) -> Json:
        """As policies and states carry it."""
        agent = self.type == "agent"
        return {"type": self.type, "agentId": self.id if agent else None, "userId": None if agent else self.id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """A change that is about to be written. `status` is the one asked for, None when none is."""

    before: IssueStatus
    status: IssueStatus | None
    assignee: Party | None
    actor: Party | None
    comment: str | None
    review_request: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStep:
    """What the policy makes of it: the new state and, where given, status, assignee, and who is called as what."""

    state: Json | None
    status: IssueStatus | None = None
    assignee: Party | None = None
    called: Party | None = None
    role: str = ""
    reason: str = ""


def advance(policy: Mapping[str, Any] | None, state: Mapping[str, Any] | None, reach: Reach) -> StageStep | None:
    """Decide; None when no stage moves. Raises StageRefusal."""
    stages: Sequence[Mapping[str, Any]] = (policy or {}).get("stages") or []
    current = dict(state or {})
    if not stages:
        return StageStep(state=None) if state else None
    if reach.status is None or reach.status == reach.before:
        return None
    if current.get("status") == "pending":
        return _decide(stages, current, reach)
    if reach.before in ISSUE_TERMINAL:
        return StageStep(state=None) if state else None
    if reach.status in (IssueStatus.DONE, IssueStatus.IN_REVIEW):
        return _begin(stages, current, reach)
    return None


def stage_facts(state: Mapping[str, Any], role: str) -> Json:
    """What the called agent is told of the stage."""
    actions = ["address_changes", "resubmit"] if role == "executor" else ["approve", "request_changes"]
    return {
        "wakeRole": role,
        "stageId": state.get("currentStageId"),
        "stageType": state.get("currentStageType"),
        "currentParticipant": state.get("currentParticipant"),
        "returnAssignee": state.get("returnAssignee"),
        "reviewRequest": state.get("reviewRequest"),
        "lastDecisionOutcome": state.get("lastDecisionOutcome"),
        "allowedActions": actions,
    }


def party_of(value: Any) -> Party | None:  # noqa: ANN401 - any JSON
    """The party that JSON names; None for anything else."""
    if not isinstance(value, Mapping):
        return None
    kind = str(value.get("type"))
    named = value.get("agentId") if kind == "agent" else value.get("userId")
    return Party(kind, str(named)) if named and kind in ("agent", "user") else None


def participants(policy: Mapping[str, Any] | None, kind: StageType) -> list[Party]:
    """The participants of all stages of a kind, in order, none twice."""
    stages = [stage for stage in (policy or {}).get("stages") or [] if stage.get("type") == kind]
    found = (party_of(entry) for stage in stages for entry in stage.get("participants") or [])
    return list(dict.fromkeys(party for party in found if party is not None))


def _begin(stages: Sequence[Mapping[str, Any]], state: Json, reach: Reach) -> StageStep | None:
    returned = party_of(state.get("returnAssignee"))
    executor = reach.assignee or returned or reach.actor
    completed = list(state.get("completedStageIds") or []) if state.get("status") == "changes_requested" else []
    return _next_stage(stages, {**state, "completedStageIds": completed}, executor, reach)


def _decide(stages: Sequence[Mapping[str, Any]], state: Json, reach: Reach) -> StageStep | None:
    if reach.status == IssueStatus.CANCELLED:
        return StageStep(state=None)
    if reach.actor is None or reach.actor != party_of(state.get("currentParticipant")):
        if reach.status == IssueStatus.DONE or (reach.actor is not None and reach.actor.type == "agent"):
            raise StageRefusal(NOT_PARTICIPANT)
        return StageStep(state=None)
    if reach.status == IssueStatus.DONE:
        return _approve(stages, state, reach)
    if reach.status == IssueStatus.IN_REVIEW:
        return None
    return _ask_for_changes(state, reach)


def _approve(stages: Sequence[Mapping[str, Any]], state: Json, reach: Reach) -> StageStep:
    if not reach.comment:
        raise StageRefusal(APPROVAL_NEEDS_COMMENT)
    completed = [*(state.get("completedStageIds") or []), state.get("currentStageId")]
    approved = {**state, "completedStageIds": completed, "lastDecisionOutcome": "approved", "reviewRequest": None}
    following = _next_stage(stages, approved, party_of(state.get("returnAssignee")), reach)
    return following or StageStep(state={**_no_stage(approved), "status": "completed"}, status=IssueStatus.DONE)


def _ask_for_changes(state: Json, reach: Reach) -> StageStep:
    if not reach.comment:
        raise StageRefusal(CHANGES_NEED_COMMENT)
    executor = party_of(state.get("returnAssignee"))
    if executor is None:
        raise StageRefusal("There is nobody to return the work to")
    changed = {**state, "status": "changes_requested", "lastDecisionOutcome": "changes_requested"}
    return StageStep(
        state={**changed, "currentParticipant": None},
        status=IssueStatus.IN_PROGRESS,
        assignee=executor,
        called=executor,
        role="executor",
        reason="execution_changes_requested",
    )


def _next_stage(
    stages: Sequence[Mapping[str, Any]], state: Json, executor: Party | None, reach: Reach
) -> StageStep | None:
    """The first stage that is not completed and that somebody else than the executor can decide; None without one."""
    for index, stage in enumerate(stages):
        if stage.get("id") in state["completedStageIds"]:
            continue
        named = (party_of(entry) for entry in stage.get("participants") or [])
        participant = next((party for party in named if party is not None and party != executor), None)
        if participant is not None:
            return _call(stage, index, participant, state, executor, reach)
    return None


def _call(
    stage: Mapping[str, Any], index: int, participant: Party, state: Json, executor: Party | None, reach: Reach
) -> StageStep:
    approval = stage.get("type") == StageType.APPROVAL
    pending = {
        **state,
        "status": "pending",
        "currentStageId": stage.get("id"),
        "currentStageIndex": index,
        "currentStageType": stage.get("type"),
        "currentParticipant": participant.body(),
        "returnAssignee": executor.body() if executor else None,
        "reviewRequest": dict(reach.review_request) if reach.review_request else None,
        "lastDecisionOutcome": state.get("lastDecisionOutcome"),
    }
    return StageStep(
        state=pending,
        status=IssueStatus.IN_REVIEW,
        assignee=participant,
        called=participant,
        role="approver" if approval else "reviewer",
        reason="execution_approval_requested" if approval else "execution_review_requested",
    )


def _no_stage(state: Json) -> Json:
    return {
        **state,
        "currentStageId": None,
        "currentStageIndex": None,
        "currentStageType": None,
        "currentParticipant": None,
    }
