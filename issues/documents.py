"""Documents of an issue: every text is a revision, and nobody overwrites what they have not read (spec/4 section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents.actors import Actor
from agents.models import ActivityEvent
from config.common.wire.errors import Conflict, Forbidden, NotFound
from issues.access import locked_issue_for
from issues.lifecycle import change_issue, touch_issue
from issues.models import DocumentRevision, Issue, IssueDocument
from issues.ownership import authorise_mutation
from issues.speech import human_action
from issues.trail import issue_row, record, text_id

SYSTEM_KEYS = frozenset({"continuation-summary"})
BASE_MISSING = "Document update requires baseRevisionId"
BASE_STALE = "Document was updated by someone else"
BASE_OF_NOTHING = "Document does not exist yet"
SYSTEM_OWNED = "Document is owned by the system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A text to store. `base_revision_id` names the revision that its writer read, None when there was none."""

    body: str
    title: str | None = None
    format: str = "markdown"
    change_summary: str | None = None
    base_revision_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """The document with its new text; `created` when there was none before."""

    document: IssueDocument
    revision: DocumentRevision
    created: bool


def put_document(actor: Actor, ref: UUID | str, key: str, draft: Draft, *, now: datetime) -> Stored:
    """Store a text under a key. Locks the issue.

    409 when the document exists and `base_revision_id` is not its latest revision, or when there is none yet and one
    is named; both say the current revision. 403 for the system's documents; the agent mutation rule holds.
    """
    with transaction.atomic():
        issue = locked_issue_for(actor, ref)
        authorise_mutation(actor, issue, now=now)
        _require_ours(key)
        document = IssueDocument.objects.filter(issue=issue, key=key).first()
        _require_base(document, draft)
        stored = _create(actor, issue, key, draft) if document is None else _revise(actor, document, draft, now)
        action = "issue.document_created" if stored.created else "issue.document_updated"
        _record(actor, issue, _row(actor, issue, action, stored), now)
    return stored


def restore_revision(actor: Actor, ref: UUID | str, key: str, revision_id: UUID, *, now: datetime) -> Stored:
    """Make an earlier text the latest one again, as a new revision. Locks the issue; 404 for unknown ones."""
    with transaction.atomic():
        issue = locked_issue_for(actor, ref)
        authorise_mutation(actor, issue, now=now)
        _require_ours(key)
        document = document_of(issue, key)
        old = DocumentRevision.objects.filter(document=document, id=revision_id).first()
        if old is None:
            raise NotFound.of("Document revision")
        draft = Draft(
            body=old.body,
            title=old.title,
            format=old.format,
            change_summary=f"Restored from revision {old.revision_number}",
        )
        stored = _revise(actor, document, draft, now)
        row = _row(actor, issue, "issue.document_restored", stored, restoredFromRevisionId=str(old.pk))
        _record(actor, issue, row, now)
    return stored


def delete_document(actor: Actor, ref: UUID | str, key: str, *, now: datetime) -> None:
    """Delete a document with its revisions; for people. Locks the issue."""
    with transaction.atomic():
        issue = locked_issue_for(actor, ref)
        document = document_of(issue, key)
        details = {"documentId": str(document.pk), "key": key, "title": document.title}
        IssueDocument.objects.filter(pk=document.pk).update(latest_revision=None)
        document.delete()
        _record(actor, issue, issue_row(actor, issue, "issue.document_deleted", details), now)


def document_of(issue: Issue, key: str) -> IssueDocument:
    """The document under this key, else 404."""
    document = IssueDocument.objects.select_related("latest_revision").filter(issue=issue, key=key).first()
    if document is None:
        raise NotFound.of("Document")
    return document


def _require_ours(key: str) -> None:
    if key in SYSTEM_KEYS:
        raise Forbidden(SYSTEM_OWNED)


def _require_base(document: IssueDocument | None, draft: Draft) -> None:
    current = document.latest_revision_id if document else None
    details = {"currentRevisionId": text_id(current)}
    if document is None:
        if draft.base_revision_id is not None:
            raise Conflict(BASE_OF_NOTHING, details=details)
    elif draft.base_revision_id is None:
        raise Conflict(BASE_MISSING, details=details)
    elif draft.base_revision_id != current:
        raise Conflict(BASE_STALE, details=details)


def _create(actor: Actor, issue: Issue, key: str, draft: Draft) -> Stored:
    document = IssueDocument.objects.create(
        company_id=issue.company_id, issue=issue, key=key, title=draft.title, format=draft.format, body=draft.body
    )
    revision = _revision(actor, document, draft, number=1)
    IssueDocument.objects.filter(pk=document.pk).update(latest_revision=revision)
    document.latest_revision = revision
    return Stored(document, revision, created=True)


def _revise(actor: Actor, document: IssueDocument, draft: Draft, now: datetime) -> Stored:
    number = document.latest_revision_number + 1
    revision = _revision(actor, document, draft, number=number)
    title = draft.title if draft.title is not None else document.title
    columns = {"title": title, "format": draft.format, "body": draft.body, "latest_revision_number": number}
    IssueDocument.objects.filter(pk=document.pk).update(latest_revision=revision, updated_at=now, **columns)
    for name, value in {**columns, "latest_revision": revision, "updated_at": now}.items():
        setattr(document, name, value)
    return Stored(document, revision, created=False)


def _revision(actor: Actor, document: IssueDocument, draft: Draft, *, number: int) -> DocumentRevision:
    return DocumentRevision.objects.create(
        company_id=document.company_id,
        document=document,
        revision_number=number,
        title=draft.title if draft.title is not None else document.title,
        format=draft.format,
        body=draft.body,
        change_summary=draft.change_summary,
        author_agent_id=actor.agent_id,
        author_user_id=None if actor.is_agent else actor.user_id,
        created_by_run_id=actor.run_id,
    )


def _row(actor: Actor, issue: Issue, action: str, stored: Stored, **more: str) -> ActivityEvent:
    details = {
        "key": stored.document.key,
        "documentId": str(stored.document.pk),
        "title": stored.document.title,
        "revisionId": str(stored.revision.pk),
        "revisionNumber": stored.revision.revision_number,
    }
    return issue_row(actor, issue, action, {**details, **more})


def _record(actor: Actor, issue: Issue, row: ActivityEvent, now: datetime) -> None:
    change_issue(issue, human_action(actor, now), now=now)
    touch_issue(issue, now=now)
    record(issue, row)
