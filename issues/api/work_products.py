"""`/issues/:id/work-products` and `/work-products/:id` (spec/4 section 4)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ActorView
from agents.api.describing import answers
from config.common.wire.camel import Opaque, OpaqueList, camel, opaque
from config.common.wire.fields import FlagField, IssueTextField, TextField, UserJSONField
from config.common.wire.serializers import WireSerializer
from config.common.wire.views import path_uuid
from issues.access import issue_for
from issues.api import described
from issues.models import Issue, WorkProduct
from issues.work_products import create_work_product, delete_work_product, update_work_product, work_product_for

MOST_ROWS = 1000


class NewWorkProductBody(WireSerializer):
    """POST a work product."""

    type = TextField(min_length=1, max_length=64)
    provider = TextField(min_length=1, max_length=64)
    title = TextField(min_length=1, max_length=500)
    external_id = TextField(max_length=500, required=False, allow_null=True)
    url = TextField(max_length=2000, required=False, allow_null=True)
    status = TextField(min_length=1, max_length=64, required=False)
    review_state = TextField(min_length=1, max_length=64, required=False)
    is_primary = FlagField(required=False)
    health_status = TextField(min_length=1, max_length=64, required=False)
    summary = IssueTextField(required=False, allow_null=True, allow_blank=True)
    metadata = UserJSONField(required=False, allow_null=True)
    project_id = serializers.UUIDField(required=False, allow_null=True)


class WorkProductEditBody(NewWorkProductBody):
    """PATCH a work product."""

    type = TextField(min_length=1, max_length=64, required=False)
    provider = TextField(min_length=1, max_length=64, required=False)
    title = TextField(min_length=1, max_length=500, required=False)


class IssueWorkProducts(ActorView):
    """What came out of an issue."""

    @answers(described.WORK_PRODUCT, many=True)
    def get(self, _request: Request, ref: str) -> Response:
        """Newest first."""
        issue = issue_for(self.actor, ref)
        return Response(OpaqueList(map(work_product_body, issue.work_products.all()[:MOST_ROWS])))

    @answers(described.WORK_PRODUCT, body=NewWorkProductBody, status=201)
    def post(self, _request: Request, ref: str) -> Response:
        """Add one (201)."""
        issue = issue_for(self.actor, ref, write=True)
        fields = self.body(NewWorkProductBody)

        def add() -> Response:
            return Response(
                work_product_body(create_work_product(self.actor, issue.pk, fields, now=self.now)), status=201
            )

        return self.once(issue.company_id, add)


class WorkProductDetail(ActorView):
    """One work product."""

    @answers(described.WORK_PRODUCT, body=WorkProductEditBody)
    def patch(self, _request: Request, product_id: str) -> Response:
        """Change it."""
        product = work_product_for(self.actor, path_uuid(product_id, "Work product"))
        fields = self.body(WorkProductEditBody)
        return Response(work_product_body(update_work_product(self.actor, product.pk, fields, now=self.now)))

    @answers(described.WORK_PRODUCT)
    def delete(self, _request: Request, product_id: str) -> Response:
        """Delete it; answers with what it was."""
        product = work_product_for(self.actor, path_uuid(product_id, "Work product"))
        return Response(work_product_body(delete_work_product(self.actor, product.pk, now=self.now)))


def work_product_body(product: WorkProduct) -> Opaque:
    """A work product on the wire."""
    body = Opaque((camel(name), getattr(product, name)) for name in described.WORK_PRODUCT_COLUMNS)
    body["metadata"] = opaque(product.metadata)
    body["createdByAgentId"], body["createdByUserId"] = product.author_agent_id, product.author_user_id
    return body


def work_products_of(issue: Issue) -> dict[str, Any]:
    """What GET of the issue says of its work products."""
    return {"workProducts": OpaqueList(map(work_product_body, issue.work_products.all()[:MOST_ROWS]))}
