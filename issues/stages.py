"""Execution policies on real issues: checking what is stored, and applying what the rules decide (spec/4, W2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from agents.actors import Actor
from agents.models import Agent, Member
from config.common.wire.errors import Unprocessable
from config.common.wire.views import UUID_FORM
from issues.announcements import StageMove
from issues.models import Issue
from issues.stage_rules import Party, Reach, StageRefusal, StageStep, StageType, advance, participants, stage_facts
from issues.vocabulary import IssueStatus

MOST_STAGES = 20
INVALID = "Invalid execution policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """Columns that the policy sets, and whom it calls; both empty when no stage moves."""

    columns: Mapping[str, Any] = field(default_factory=dict)
    move: StageMove | None = None


def checked_policy(company_id: UUID, policy: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The policy with an id on every stage, or None without stages; 422 for one that could not be carried out."""
    stages = (policy or {}).get("stages")
    if not policy or not stages:
        return None
    if not isinstance(stages, list) or len(stages) > MOST_STAGES:
        raise Unprocessable(INVALID)
    checked = {**policy, "stages": [_checked_stage(stage) for stage in stages]}
    parties = {*participants(checked, StageType.REVIEW), *participants(checked, StageType.APPROVAL)}
    _require_known(company_id, parties)
    return checked


def move_stage(
    actor: Actor,
    issue: Issue,
    columns: Mapping[str, Any],
    *,
    comment: str | None,
    review_request: Mapping[str, Any] | None,
) -> Staged:
    """What the policy makes of a change that is about to be written; 422 when it forbids the change."""
    policy = columns.get("execution_policy", issue.execution_policy)
    if not policy and not issue.execution_state:
        return Staged()
    status = columns.get("status")
    reach = Reach(
        before=IssueStatus(issue.status),
        status=IssueStatus(status) if status else None,
        assignee=_assignee(issue, columns),
        actor=_party(actor.agent_id, actor.user_id),
        comment=comment,
        review_request=review_request,
    )
    try:
        step = advance(policy, issue.execution_state, reach)
    except StageRefusal as refused:
        raise Unprocessable(str(refused)) from refused
    return _staged(step) if step else _asked_again(issue, review_request)


def _staged(step: StageStep) -> Staged:
    columns: dict[str, Any] = {"execution_state": step.state}
    waits = step.status == IssueStatus.IN_REVIEW and step.called is not None
    columns |= _columns("review_participant", step.called if waits else None)
    if step.status is not None:
        columns["status"] = step.status
    if step.assignee is not None:
        columns |= _columns("assignee", step.assignee)
    if step.called is None or step.called.type != "agent" or step.state is None:
        return Staged(columns=columns)
    facts = stage_facts(step.state, step.role)
    return Staged(columns=columns, move=StageMove(agent_id=UUID(step.called.id), reason=step.reason, facts=facts))


def _asked_again(issue: Issue, review_request: Mapping[str, Any] | None) -> Staged:
    """A new request to the reviewer of a stage that already waits."""
    state = issue.execution_state or {}
    if review_request is None or state.get("status") != "pending":
        return Staged()
    return Staged(columns={"execution_state": {**state, "reviewRequest": dict(review_request)}})


def _columns(name: str, party: Party | None) -> dict[str, UUID | None]:
    return {
        f"{name}_agent_id": UUID(party.id) if party and party.type == "agent" else None,
        f"{name}_user_id": UUID(party.id) if party and party.type == "user" else None,
    }


def _assignee(issue: Issue, columns: Mapping[str, Any]) -> Party | None:
    agent_id = columns.get("assignee_agent_id", issue.assignee_agent_id)
    return _party(agent_id, columns.get("assignee_user_id", issue.assignee_user_id))


def _party(agent_id: UUID | None, user_id: UUID | None) -> Party | None:
    if agent_id:
        return Party("agent", str(agent_id))
    return Party("user", str(user_id)) if user_id else None


def _checked_stage(stage: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    if not isinstance(stage, dict) or stage.get("type") not in list(StageType):
        raise Unprocessable(INVALID)
    named = participants({"stages": [stage]}, StageType(stage["type"]))
    given = stage.get("participants")
    if not isinstance(given, list) or not given or not named or any(not UUID_FORM.fullmatch(one.id) for one in named):
        raise Unprocessable(INVALID)
    return {**stage, "id": str(stage.get("id") or uuid4()), "participants": [party.body() for party in named]}


def _require_known(company_id: UUID, parties: set[Party]) -> None:
    agents = {party.id for party in parties if party.type == "agent"}
    people = {party.id for party in parties if party.type == "user"}
    known = Agent.objects.filter(company_id=company_id, id__in=agents).count() if agents else 0
    members = Member.objects.filter(company_id=company_id, user_id__in=people, is_active=True).count() if people else 0
    if (known, members) != (len(agents), len(people)):
        raise Unprocessable("Execution policy participants must belong to the same company")
