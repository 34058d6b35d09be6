"""What came out of the work: pull requests, previews, files (spec/4 section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.actors import Actor
from config.common.wire.errors import NotFound
from issues.access import issue_for, locked_issue_for
from issues.models import Issue, WorkProduct
from issues.ownership import authorise_mutation
from issues.places import require_places
from issues.trail import issue_row, record


def create_work_product(actor: Actor, ref: UUID | str, fields: Mapping[str, Any], *, now: datetime) -> WorkProduct:
    """Add a work product; a primary one takes that from its siblings of the same type. Locks the issue."""
    with transaction.atomic():
        issue = locked_issue_for(actor, ref)
        authorise_mutation(actor, issue, now=now)
        columns = {"project_id": issue.project_id, **fields}
        require_places(issue.company_id, columns)
        product = WorkProduct.objects.create(
            company_id=issue.company_id,
            issue=issue,
            author_agent_id=actor.agent_id,
            author_user_id=None if actor.is_agent else actor.user_id,
            created_by_run_id=actor.run_id,
            **columns,
        )
        _keep_one_primary(product, now)
        _record(actor, issue, product, "issue.work_product_created", sorted(fields))
    return product


def update_work_product(actor: Actor, product_id: UUID, fields: Mapping[str, Any], *, now: datetime) -> WorkProduct:
    """Change a work product. Locks its issue."""
    with transaction.atomic():
        issue = _locked_issue(actor, product_id, now)
        require_places(issue.company_id, dict(fields))
        WorkProduct.objects.filter(pk=product_id).update(**fields, updated_at=now)
        product = WorkProduct.objects.get(pk=product_id)
        _keep_one_primary(product, now)
        _record(actor, issue, product, "issue.work_product_updated", sorted(fields))
    return product


def delete_work_product(actor: Actor, product_id: UUID, *, now: datetime) -> WorkProduct:
    """Delete a work product; returns what it was. Locks its issue."""
    with transaction.atomic():
        issue = _locked_issue(actor, product_id, now)
        product = WorkProduct.objects.get(pk=product_id)
        WorkProduct.objects.filter(pk=product_id).delete()
        _record(actor, issue, product, "issue.work_product_deleted", [])
    return product


def work_product_for(actor: Actor, product_id: UUID) -> WorkProduct:
    """The work product, of a company that the caller may change; 404 if there is none."""
    product = WorkProduct.objects.filter(pk=product_id).first()
    if product is None:
        raise NotFound.of("Work product")
    issue_for(actor, product.issue_id, write=True)
    return product


def _locked_issue(actor: Actor, product_id: UUID, now: datetime) -> Issue:
    issue = locked_issue_for(actor, work_product_for(actor, product_id).issue_id)
    if not WorkProduct.objects.filter(pk=product_id).exists():
        raise NotFound.of("Work product")
    authorise_mutation(actor, issue, now=now)
    return issue


def _keep_one_primary(product: WorkProduct, now: datetime) -> None:
    if product.is_primary:
        siblings = WorkProduct.objects.filter(issue_id=product.issue_id, type=product.type, is_primary=True)
        siblings.exclude(pk=product.pk).update(is_primary=False, updated_at=now)


def _record(actor: Actor, issue: Issue, product: WorkProduct, action: str, changed: list[str]) -> None:
    details = {"workProductId": str(product.pk), "type": product.type, "provider": product.provider, "keys": changed}
    record(issue, issue_row(actor, issue, action, details))
