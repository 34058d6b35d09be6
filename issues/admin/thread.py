"""What is said and produced on issues."""

from __future__ import annotations

from django.contrib import admin

from agents.admin.base import CompanyAdmin
from config.common.admin import cells
from config.common.admin.filters import choice, scoped, since
from issues.models import DocumentRevision, InboxMark, Interaction, IssueComment, IssueDocument, WorkProduct

_BY = (cells.related("author_agent", title="agent"), cells.related("author_user", title="person"))


@admin.register(IssueComment)
class IssueCommentPage(CompanyAdmin):
    """Comments."""

    related = ("issue", "author_agent", "author_user", "company")
    list_display = (
        cells.line("body", title="comment", most=80),
        cells.related("issue"),
        *_BY,
        cells.related("created_by_run", title="run"),
        cells.when("created_at", title="when", order="created_at"),
        cells.related("company"),
    )
    ordering = ("-created_at",)
    list_filter = (since("created_at"), scoped("author_agent"), scoped("company"))
    search_ids = ("id", "issue_id", "created_by_run_id")
    search_identifier = "issue__identifier"


@admin.register(IssueDocument)
class IssueDocumentPage(CompanyAdmin):
    """Documents."""

    related = ("issue", "company")
    list_display = (
        "key",
        cells.related("issue"),
        cells.line("title", most=60),
        cells.number("latest_revision_number", str, title="revision"),
        cells.when("updated_at", title="changed", order="updated_at"),
        cells.related("company"),
    )
    ordering = ("-updated_at",)
    list_filter = (since("updated_at", "changed"), scoped("company"))
    search_fields = ("key__exact",)
    search_ids = ("id", "issue_id")
    search_identifier = "issue__identifier"


@admin.register(DocumentRevision)
class DocumentRevisionPage(CompanyAdmin):
    """Stored texts of documents."""

    related = ("document__issue", "author_agent", "author_user", "company")
    list_display = (
        cells.cell("what", lambda revision: f"{revision.document.key}, revision {revision.revision_number}"),
        cells.cell("issue", lambda revision: revision.document.issue.identifier),
        *_BY,
        cells.related("created_by_run", title="run"),
        cells.when("created_at", title="when", order="created_at"),
        cells.related("company"),
    )
    ordering = ("-created_at",)
    list_filter = (since("created_at"), scoped("company"))
    search_ids = ("id", "document_id", "created_by_run_id")
    search_identifier = "document__issue__identifier"


@admin.register(WorkProduct)
class WorkProductPage(CompanyAdmin):
    """What came out of the work."""

    related = ("issue", "author_agent", "author_user", "company")
    list_display = (
        cells.line("title", most=80),
        cells.related("issue"),
        "type",
        cells.status("status"),
        cells.status("review_state", title="review"),
        *_BY,
        cells.when("created_at", title="when", order="created_at"),
        cells.related("company"),
    )
    list_filter = (since("created_at"), scoped("company"))
    search_ids = ("id", "issue_id", "created_by_run_id")
    search_identifier = "issue__identifier"


@admin.register(Interaction)
class InteractionPage(CompanyAdmin):
    """Questions in threads."""

    related = ("issue", "author_agent", "author_user", "resolved_by_user", "company")
    list_display = (
        cells.cell("what", lambda row: row.title or row.kind.replace("_", " ")),
        cells.status("status", order="status"),
        cells.related("issue"),
        *_BY,
        cells.when("created_at", title="asked", order="created_at"),
        cells.when("resolved_at", title="answered", order="resolved_at"),
        cells.related("company"),
    )
    ordering = ("-created_at",)
    list_filter = (choice("status"), choice("kind"), since("created_at", "asked"), scoped("company"))
    search_ids = ("id", "issue_id")
    search_identifier = "issue__identifier"
    questions = (("Waits", "status__exact=pending"),)


@admin.register(InboxMark)
class InboxMarkPage(CompanyAdmin):
    """What people have read and put away."""

    related = ("issue", "user", "company")
    list_display = (
        cells.related("issue"),
        cells.related("user", title="person"),
        cells.when("read_at", title="read", order="read_at"),
        cells.when("archived_at", title="archived", order="archived_at"),
        cells.related("company"),
    )
    list_filter = (since("read_at", "read"), since("archived_at", "archived"), scoped("company"))
    search_ids = ("id", "issue_id", "user_id")
    search_identifier = "issue__identifier"
