"""`/issues/:id/tree-control` and `/issues/:id/tree-holds`: for people (spec/4 section 6)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ActorView
from agents.api.describing import answers
from config.common.wire.camel import Opaque, OpaqueList, camel, opaque
from config.common.wire.errors import BadRequest
from config.common.wire.fields import TextField, UserJSONField
from config.common.wire.serializers import WireSerializer
from config.common.wire.views import path_uuid
from issues.access import issue_for
from issues.api import described
from issues.holds.bookkeeping import Order
from issues.holds.holding import hold_of, hold_tree, release_hold
from issues.holds.preview import preview_hold
from issues.models import Issue, TreeHold, TreeHoldMember
from issues.readiness import pause_hold_of
from issues.vocabulary import HoldMode, HoldStatus

MOST_ROWS = 1000
MODES = [mode.value for mode in HoldMode]


class ReleasePolicyBody(WireSerializer):
    """When a hold ends."""

    strict = True

    strategy = serializers.ChoiceField(choices=["manual", "after_active_runs_finish"])
    note = TextField(min_length=1, max_length=500, required=False, allow_null=True)


class PreviewBody(WireSerializer):
    """POST a preview."""

    strict = True

    mode = serializers.ChoiceField(choices=MODES)
    release_policy = ReleasePolicyBody(required=False, allow_null=True)


class HoldBody(PreviewBody):
    """POST a hold."""

    reason = TextField(min_length=1, max_length=1000, required=False, allow_null=True)
    metadata = UserJSONField(required=False, allow_null=True)


class ReleaseBody(WireSerializer):
    """POST a release."""

    strict = True

    reason = TextField(min_length=1, max_length=1000, required=False, allow_null=True)
    release_policy = ReleasePolicyBody(required=False, allow_null=True)
    metadata = UserJSONField(required=False, allow_null=True)


class TreePreview(ActorView):
    """What a hold would do."""

    @answers(described.PREVIEW, body=PreviewBody)
    def post(self, _request: Request, ref: str) -> Response:
        """Look; nothing changes."""
        issue = issue_for(self.board_only(), ref, write=True)
        data = self.body(PreviewBody)
        preview = preview_hold(self.actor, issue.pk, HoldMode(data["mode"]), data.get("release_policy"), now=self.now)
        return Response(opaque(preview.body))


class TreeState(ActorView):
    """Whether a pause holds an issue."""

    @answers(described.HOLD_STATE)
    def get(self, _request: Request, ref: str) -> Response:
        """The nearest active pause on it or above it."""
        issue = issue_for(self.board_only(), ref)
        hold = pause_hold_of(issue.company_id, issue.pk)
        if hold is None:
            return Response({"activePauseHold": None})
        root = hold["rootIssueId"] == str(issue.pk)
        return Response({"activePauseHold": Opaque({**hold, "issueId": str(issue.pk), "isRoot": root})})


class TreeHolds(ActorView):
    """The holds of an issue."""

    @answers(described.HOLD, named=("status", "mode", "includeMembers"), many=True)
    def get(self, request: Request, ref: str) -> Response:
        """Newest first."""
        issue = issue_for(self.board_only(), ref)
        rows = TreeHold.objects.filter(company_id=issue.company_id, root_issue=issue)
        for name, known in (("status", list(HoldStatus)), ("mode", list(HoldMode))):
            if wanted := request.query_params.get(name):
                if wanted not in known:
                    raise BadRequest(f"Unknown {name}: {wanted}"[:200])
                rows = rows.filter(**{name: wanted})
        holds = list(rows[:MOST_ROWS])
        if request.query_params.get("includeMembers") != "true":
            return Response(OpaqueList(map(hold_body, holds)))
        return Response(OpaqueList(with_members(holds)))

    @answers(described.HELD, body=HoldBody, status=(200, 201))
    def post(self, _request: Request, ref: str) -> Response:
        """Pause or cancel (201), resume or restore (200) the tree."""
        issue = issue_for(self.board_only(), ref, write=True)
        data = self.body(HoldBody)
        order = Order(
            mode=HoldMode(data["mode"]),
            reason=data.get("reason"),
            release_policy=data.get("release_policy"),
            metadata=data.get("metadata"),
        )
        return self.once(issue.company_id, lambda: self._hold(issue, order))

    def _hold(self, issue: Issue, order: Order) -> Response:
        held = hold_tree(self.actor, issue.pk, order, now=self.now)
        body: dict[str, Any] = {"hold": with_members([held.hold])[0], "preview": opaque(held.preview.body)}
        if order.mode == HoldMode.RESUME:
            body["resumedPauseHoldIds"] = list(held.resumed)
        return Response(body, status=201 if order.mode in (HoldMode.PAUSE, HoldMode.CANCEL) else 200)


class TreeHoldDetail(ActorView):
    """One hold."""

    @answers(described.HOLD)
    def get(self, _request: Request, ref: str, hold_id: str) -> Response:
        """The hold with its members."""
        issue = issue_for(self.board_only(), ref)
        return Response(with_members([hold_of(issue, path_uuid(hold_id, "Issue tree hold"))])[0])


class ReleaseTreeHold(ActorView):
    """Ending a hold."""

    @answers(described.HOLD, body=ReleaseBody)
    def post(self, _request: Request, ref: str, hold_id: str) -> Response:
        """Release it."""
        issue = issue_for(self.board_only(), ref, write=True)
        data = self.body(ReleaseBody)
        hold = release_hold(
            self.actor,
            issue.pk,
            path_uuid(hold_id, "Issue tree hold"),
            reason=data.get("reason"),
            metadata=data.get("metadata"),
            policy=data.get("release_policy"),
            now=self.now,
        )
        return Response(with_members([hold])[0])


def hold_body(hold: TreeHold) -> Opaque:
    """A hold without its members."""
    body = Opaque((camel(name), getattr(hold, name)) for name in described.HOLD_COLUMNS)
    body["releasePolicy"], body["metadata"] = opaque(hold.release_policy), opaque(hold.metadata)
    body["releaseMetadata"] = opaque(hold.release_metadata)
    body["releasedByAgentId"] = body["releasedByRunId"] = None
    return body


def with_members(holds: list[TreeHold]) -> list[Opaque]:
    """Holds with their members; one statement for all of them."""
    members: dict[Any, list[dict[str, Any]]] = {hold.pk: [] for hold in holds}
    for row in (
        TreeHoldMember.objects.filter(hold_id__in=members).order_by("depth", "id").values(*described.MEMBER_COLUMNS)
    ):
        members[row["hold_id"]].append({camel(name): value for name, value in row.items()})
    return [Opaque({**hold_body(hold), "members": members[hold.pk]}) for hold in holds]
