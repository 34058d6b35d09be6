"""`/issues/:id/interactions` (spec/4 section 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ActorView
from agents.api.describing import answers
from config.common.wire.camel import Opaque, OpaqueList, camel, opaque
from config.common.wire.fields import FlagField, IssueTextField, TextField, UserJSONField, WholeField
from config.common.wire.serializers import WireSerializer
from config.common.wire.views import path_uuid
from issues.access import issue_for
from issues.api import described
from issues.interactions.answering import accept, reject, respond
from issues.interactions.asking import Question, ask
from issues.models import Interaction
from issues.vocabulary import ContinuationPolicy, InteractionKind, Priority

MOST_ROWS = 1000


class _Task(WireSerializer):
    client_key = TextField(min_length=1, max_length=120)
    parent_client_key = TextField(max_length=120, required=False, allow_null=True)
    parent_id = serializers.UUIDField(required=False, allow_null=True)
    title = TextField(min_length=1, max_length=240)
    description = IssueTextField(max_length=20_000, required=False, allow_null=True, allow_blank=True)
    priority = serializers.ChoiceField(choices=[word.value for word in Priority], required=False, allow_null=True)
    assignee_agent_id = serializers.UUIDField(required=False, allow_null=True)
    assignee_user_id = serializers.UUIDField(required=False, allow_null=True)
    project_id = serializers.UUIDField(required=False, allow_null=True)
    goal_id = serializers.UUIDField(required=False, allow_null=True)
    billing_code = TextField(max_length=120, required=False, allow_null=True)


class _SuggestTasks(WireSerializer):
    version = WholeField(min_value=1, max_value=1)
    default_parent_id = serializers.UUIDField(required=False, allow_null=True)
    tasks = serializers.ListField(child=_Task(), min_length=1, max_length=50)

    def validate_tasks(self, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keys name one task each, and parents are among them."""
        keys = [task["client_key"] for task in tasks]
        if len(set(keys)) != len(keys):
            raise serializers.ValidationError("clientKey must be unique", code="custom")
        if any(task.get("parent_client_key") not in (None, *keys) for task in tasks):
            raise serializers.ValidationError("parentClientKey must name another task", code="custom")
        return tasks


class _Option(WireSerializer):
    wire_names = {"text": "label"}

    id = TextField(min_length=1, max_length=120)
    text = TextField(min_length=1, max_length=240)


class _Question(WireSerializer):
    wire_names = {"mandatory": "required"}

    id = TextField(min_length=1, max_length=120)
    prompt = TextField(min_length=1, max_length=2000)
    selection_mode = serializers.ChoiceField(choices=["single", "multi"])
    mandatory = FlagField(required=False)
    options = serializers.ListField(child=_Option(), min_length=1, max_length=50)


class _AskQuestions(WireSerializer):
    version = WholeField(min_value=1, max_value=1)
    questions = serializers.ListField(child=_Question(), min_length=1, max_length=20)


class _Confirmation(WireSerializer):
    version = WholeField(min_value=1, max_value=1)
    prompt = TextField(min_length=1, max_length=20_000)
    reject_requires_reason = FlagField(required=False)


PAYLOADS: dict[str, type[WireSerializer]] = {
    InteractionKind.SUGGEST_TASKS: _SuggestTasks,
    InteractionKind.ASK_USER_QUESTIONS: _AskQuestions,
    InteractionKind.REQUEST_CONFIRMATION: _Confirmation,
}


class NewInteractionBody(WireSerializer):
    """POST a question. The payload is kept as sent, once it has the form of its kind."""

    kind = serializers.ChoiceField(choices=[kind.value for kind in InteractionKind])
    payload = UserJSONField()
    title = TextField(max_length=240, required=False, allow_null=True)
    summary = TextField(max_length=1000, required=False, allow_null=True, allow_blank=True)
    continuation_policy = serializers.ChoiceField(
        choices=[policy.value for policy in ContinuationPolicy], required=False, allow_null=True
    )
    idempotency_key = TextField(max_length=255, required=False, allow_null=True)
    source_comment_id = serializers.UUIDField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The payload must have the form of its kind."""
        shape = PAYLOADS[attrs["kind"]](data=attrs["payload"])
        if not shape.is_valid():
            raise serializers.ValidationError({"payload": shape.errors})
        return attrs


class AcceptBody(WireSerializer):
    """POST an acceptance."""

    selected_client_keys = serializers.ListField(
        child=TextField(max_length=120), required=False, allow_null=True, max_length=50
    )


class RejectBody(WireSerializer):
    """POST a rejection."""

    reason = IssueTextField(max_length=4000, required=False, allow_null=True, allow_blank=True)


class _Answer(WireSerializer):
    question_id = TextField(min_length=1, max_length=120)
    option_ids = serializers.ListField(child=TextField(max_length=120), required=False, max_length=50)
    other_text = IssueTextField(max_length=4000, required=False, allow_null=True, allow_blank=True)


class RespondBody(WireSerializer):
    """POST answers."""

    answers = serializers.ListField(child=_Answer(), max_length=20)
    summary_markdown = IssueTextField(max_length=20_000, required=False, allow_null=True, allow_blank=True)


class IssueInteractions(ActorView):
    """The questions in the thread of an issue."""

    @answers(described.INTERACTION, many=True)
    def get(self, _request: Request, ref: str) -> Response:
        """Oldest first."""
        issue = issue_for(self.actor, ref)
        return Response(OpaqueList(map(interaction_body, issue.interactions.all()[:MOST_ROWS])))

    @answers(described.INTERACTION, body=NewInteractionBody, status=(200, 201))
    def post(self, _request: Request, ref: str) -> Response:
        """Ask (201); a repeated key gets the first question (200)."""
        issue = issue_for(self.actor, ref, write=True)
        data = self.body(NewInteractionBody)
        question = Question(
            kind=InteractionKind(data["kind"]),
            payload=data["payload"],
            title=data.get("title"),
            summary=data.get("summary"),
            policy=data.get("continuation_policy"),
            idempotency_key=data.get("idempotency_key"),
            source_comment_id=data.get("source_comment_id"),
        )
        asked = ask(self.actor, issue.pk, question, now=self.now)
        return Response(interaction_body(asked.interaction), status=201 if asked.created else 200)


class _Resolve(ActorView):
    def resolve(self, ref: str, interaction_id: str, verb: Callable[..., Interaction], **given: Any) -> Response:  # noqa: ANN401
        """Resolve it; only people do."""
        issue = issue_for(self.board_only(), ref, write=True)
        row = verb(self.actor, issue.pk, path_uuid(interaction_id, "Interaction"), now=self.now, **given)
        return Response(interaction_body(row))

    def authorised(self, ref: str) -> None:
        """Refuse whoever may not answer, before the body is read."""
        issue_for(self.board_only(), ref, write=True)


class AcceptInteraction(_Resolve):
    """`POST .../accept`."""

    @answers(described.INTERACTION, body=AcceptBody)
    def post(self, _request: Request, ref: str, interaction_id: str) -> Response:
        """Accept all of it, or the tasks that are named."""
        self.authorised(ref)
        selected = self.body(AcceptBody).get("selected_client_keys")
        return self.resolve(ref, interaction_id, accept, selected=selected)


class RejectInteraction(_Resolve):
    """`POST .../reject`."""

    @answers(described.INTERACTION, body=RejectBody)
    def post(self, _request: Request, ref: str, interaction_id: str) -> Response:
        """Reject it."""
        self.authorised(ref)
        return self.resolve(ref, interaction_id, reject, reason=self.body(RejectBody).get("reason"))


class RespondToInteraction(_Resolve):
    """`POST .../respond`."""

    @answers(described.INTERACTION, body=RespondBody)
    def post(self, _request: Request, ref: str, interaction_id: str) -> Response:
        """Answer its questions."""
        self.authorised(ref)
        data = self.body(RespondBody)
        return self.resolve(ref, interaction_id, respond, answers=data["answers"], summary=data.get("summary_markdown"))


def interaction_body(row: Interaction) -> Opaque:
    """A question on the wire."""
    body = Opaque((camel(name), getattr(row, name)) for name in described.INTERACTION_COLUMNS)
    body["sourceRunId"] = row.created_by_run_id
    body["createdByAgentId"], body["createdByUserId"] = row.author_agent_id, row.author_user_id
    body["payload"], body["result"] = opaque(row.payload), opaque(row.result)
    return body
