"""`/issues/:id/documents` (spec/4 section 4)."""

from __future__ import annotations

import re
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ActorView
from agents.api.describing import OK, answers
from config.common.wire.camel import Opaque, OpaqueList
from config.common.wire.errors import BadRequest
from config.common.wire.fields import IssueTextField, TextField
from config.common.wire.serializers import WireSerializer
from config.common.wire.views import path_uuid
from issues.access import issue_for
from issues.api import described
from issues.documents import SYSTEM_KEYS, Draft, delete_document, document_of, put_document, restore_revision
from issues.models import DocumentRevision, Issue, IssueDocument

MOST_KEY_CHARACTERS = 64
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]*")


class DocumentBody(WireSerializer):
    """PUT a document."""

    body = IssueTextField(max_length=524_288, allow_blank=True)
    format = serializers.ChoiceField(choices=["markdown"], default="markdown")
    title = TextField(max_length=200, required=False, allow_null=True, allow_blank=True)
    change_summary = TextField(max_length=500, required=False, allow_null=True, allow_blank=True)
    base_revision_id = serializers.UUIDField(required=False, allow_null=True)


class IssueDocuments(ActorView):
    """The documents of an issue."""

    @answers(described.DOCUMENT, named=("includeSystem",), many=True)
    def get(self, request: Request, ref: str) -> Response:
        """By key; the system's only with `includeSystem=true`."""
        issue = issue_for(self.actor, ref)
        rows = issue.documents.select_related("latest_revision")
        if request.query_params.get("includeSystem") != "true":
            rows = rows.exclude(key__in=SYSTEM_KEYS)
        return Response(OpaqueList(map(document_body, rows)))


class IssueDocumentDetail(ActorView):
    """One document."""

    @answers(described.DOCUMENT)
    def get(self, _request: Request, ref: str, key: str) -> Response:
        """The document with its latest text."""
        issue = issue_for(self.actor, ref)
        return Response(document_body(document_of(issue, document_key(key))))

    @answers(described.DOCUMENT, body=DocumentBody, status=(200, 201))
    def put(self, _request: Request, ref: str, key: str) -> Response:
        """Store a text: 201 when it is the first, else 200; answers with the new text."""
        issue = issue_for(self.actor, ref, write=True)
        name = document_key(key)
        draft = Draft(**self.body(DocumentBody))

        def store() -> Response:
            stored = put_document(self.actor, issue.pk, name, draft, now=self.now)
            return Response(document_body(stored.document), status=201 if stored.created else 200)

        return self.once(issue.company_id, store)

    @answers(OK)
    def delete(self, _request: Request, ref: str, key: str) -> Response:
        """Delete it; for people."""
        delete_document(self.board_only(), ref, document_key(key), now=self.now)
        return Response({"ok": True})


class DocumentRevisions(ActorView):
    """The texts of a document."""

    @answers(described.REVISION, many=True)
    def get(self, _request: Request, ref: str, key: str) -> Response:
        """Newest first."""
        document = document_of(issue_for(self.actor, ref), document_key(key))
        return Response(OpaqueList(revision_body(document, row) for row in document.revisions.all()[:1000]))


class RestoreRevision(ActorView):
    """Bringing an earlier text back."""

    @answers(described.DOCUMENT)
    def post(self, _request: Request, ref: str, key: str, revision_id: str) -> Response:
        """Answers with the document as it is now."""
        issue = issue_for(self.actor, ref, write=True)
        revision = path_uuid(revision_id, "Document revision")
        stored = restore_revision(self.actor, issue.pk, document_key(key), revision, now=self.now)
        return Response(document_body(stored.document))


def document_key(text: str) -> str:
    """The key in lower case; 400 for one that no document can have."""
    key = text.lower()
    if len(key) > MOST_KEY_CHARACTERS or not _KEY.fullmatch(key):
        raise BadRequest("Invalid document key")
    return key


def document_body(document: IssueDocument) -> Opaque:
    """A document with its text. Its authors are those of its latest revision."""
    return Opaque({**document_summary(document), "body": document.body})


def document_summary(document: IssueDocument) -> dict[str, Any]:
    """A document without its text."""
    latest = document.latest_revision
    return {
        "id": document.pk,
        "companyId": document.company_id,
        "issueId": document.issue_id,
        "key": document.key,
        "title": document.title,
        "format": document.format,
        "latestRevisionId": document.latest_revision_id,
        "latestRevisionNumber": document.latest_revision_number,
        "updatedByAgentId": latest.author_agent_id if latest else None,
        "updatedByUserId": latest.author_user_id if latest else None,
        "updatedByRunId": latest.created_by_run_id if latest else None,
        "createdAt": document.created_at,
        "updatedAt": document.updated_at,
    }


def revision_body(document: IssueDocument, revision: DocumentRevision) -> Opaque:
    """One stored text."""
    return Opaque(
        id=revision.pk,
        companyId=revision.company_id,
        documentId=document.pk,
        issueId=document.issue_id,
        key=document.key,
        revisionNumber=revision.revision_number,
        title=revision.title,
        format=revision.format,
        body=revision.body,
        changeSummary=revision.change_summary,
        createdByAgentId=revision.author_agent_id,
        createdByUserId=revision.author_user_id,
        createdByRunId=revision.created_by_run_id,
        createdAt=revision.created_at,
    )


def documents_of(issue: Issue) -> dict[str, Any]:
    """What GET of the issue says of its documents: `planDocument` whole, the others in short."""
    rows = list(issue.documents.select_related("latest_revision").exclude(key__in=SYSTEM_KEYS))
    plan = next((row for row in rows if row.key == "plan"), None)
    return {
        "planDocument": document_body(plan) if plan else None,
        "documentSummaries": [document_summary(row) for row in rows],
        "legacyPlanDocument": None,
    }
