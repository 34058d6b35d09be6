"""Putting a question into the thread of an issue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.actors import Actor
from config.common.wire.errors import NotFound
from issues.access import locked_issue_for, require_run
from issues.commenting import comment_of
from issues.interactions.rules import DEFAULT_POLICY
from issues.models import Interaction, Issue
from issues.ownership import authorise_mutation
from issues.trail import issue_row, record
from issues.vocabulary import InteractionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked; `policy` None takes the kind's default."""

    kind: InteractionKind
    payload: Mapping[str, Any]
    title: str | None = None
    summary: str | None = None
    policy: str | None = None
    idempotency_key: str | None = None
    source_comment_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The question in the thread; `created` is False when its idempotency key was known."""

    interaction: Interaction
    created: bool


def ask(actor: Actor, ref: UUID | str, question: Question, *, now: datetime) -> Asked:
    """Ask; a known `idempotency_key` of the issue gets the first question again. Locks the issue; 401 without run."""
    with transaction.atomic():
        issue = locked_issue_for(actor, ref)
        require_run(actor)
        authorise_mutation(actor, issue, now=now)
        known = _known(issue, question.idempotency_key)
        if known is not None:
            return Asked(known, created=False)
        if question.source_comment_id is not None:
            comment_of(issue, question.source_comment_id)
        row = _insert(actor, issue, question)
        details = {"interactionId": str(row.pk), "interactionKind": str(row.kind), "title": row.title}
        record(issue, issue_row(actor, issue, "issue.thread_interaction_created", details))
    return Asked(row, created=True)


def interaction_of(issue: Issue, interaction_id: UUID) -> Interaction:
    """A question of this very issue, else 404."""
    row = Interaction.objects.filter(issue=issue, id=interaction_id).first()
    if row is None:
        raise NotFound.of("Interaction")
    return row


def _known(issue: Issue, key: str | None) -> Interaction | None:
    return Interaction.objects.filter(issue=issue, idempotency_key=key).first() if key else None


def _insert(actor: Actor, issue: Issue, question: Question) -> Interaction:
    return Interaction.objects.create(
        company_id=issue.company_id,
        issue=issue,
        kind=question.kind,
        continuation_policy=question.policy or DEFAULT_POLICY[question.kind],
        title=question.title,
        summary=question.summary,
        payload=dict(question.payload),
        idempotency_key=question.idempotency_key,
        source_comment_id=question.source_comment_id,
        author_agent_id=actor.agent_id,
        author_user_id=None if actor.is_agent else actor.user_id,
        created_by_run_id=actor.run_id,
    )
