"""What is said and produced on an issue: comments, documents, work products, questions."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, Q, UniqueConstraint

from config.common.models import CompanyModel, choices_of, one_of
from issues.vocabulary import ContinuationPolicy, InteractionKind, InteractionStatus


class AuthoredModel(CompanyModel):
    """A row with an author: an agent, a person, or neither (the system), and the run it was written in."""

    author_agent = models.ForeignKey("agents.Agent", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    author_user = models.ForeignKey("agents.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_by_run = models.ForeignKey(
        "heartbeats.HeartbeatRun", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        abstract = True


class IssueComment(AuthoredModel):
    """One comment. `follow_up_requested`: its author asked that work goes on."""

    issue = models.ForeignKey("issues.Issue", on_delete=models.CASCADE, related_name="comments")
    body = models.TextField()
    follow_up_requested = models.BooleanField(default=False)

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [
            Index(fields=["issue", "created_at", "id"], name="comment_by_issue"),
            Index(fields=["created_by_run"], name="comment_by_run", condition=Q(created_by_run__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.body[:80]


class IssueDocument(CompanyModel):
    """A document under a key (`plan`, `continuation-summary`, …); its text is the latest revision's."""

    issue = models.ForeignKey("issues.Issue", on_delete=models.CASCADE, related_name="documents")
    key = models.CharField(max_length=64)
    title = models.CharField(max_length=200, null=True, blank=True)
    format = models.CharField(max_length=16, default="markdown")
    body = models.TextField()
    latest_revision = models.ForeignKey(
        "issues.DocumentRevision", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    latest_revision_number = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["key"]
        constraints = [UniqueConstraint(fields=["issue", "key"], name="document_key_once")]

    def __str__(self) -> str:
        return self.key


class DocumentRevision(AuthoredModel):
    """One stored text of a document."""

    document = models.ForeignKey(IssueDocument, on_delete=models.CASCADE, related_name="revisions")
    revision_number = models.PositiveIntegerField()
    title = models.CharField(max_length=200, null=True, blank=True)
    format = models.CharField(max_length=16, default="markdown")
    body = models.TextField()
    change_summary = models.CharField(max_length=500, null=True, blank=True)

    class Meta:
        ordering = ["-revision_number"]
        constraints = [UniqueConstraint(fields=["document", "revision_number"], name="revision_number_once")]
        indexes = [
            Index(fields=["created_by_run"], name="revision_by_run", condition=Q(created_by_run__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"revision {self.revision_number}"


class WorkProduct(AuthoredModel):
    """Something that came out of the work: a pull request, a preview, a file."""

    issue = models.ForeignKey("issues.Issue", on_delete=models.CASCADE, related_name="work_products")
    project = models.ForeignKey("issues.Project", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    type = models.CharField(max_length=64)
    provider = models.CharField(max_length=64)
    external_id = models.CharField(max_length=500, null=True, blank=True)
    title = models.CharField(max_length=500)
    url = models.CharField(max_length=2000, null=True, blank=True)
    status = models.CharField(max_length=64, default="active")
    review_state = models.CharField(max_length=64, default="none")
    is_primary = models.BooleanField(default=False)
    health_status = models.CharField(max_length=64, default="unknown")
    summary = models.TextField(null=True, blank=True)
    metadata = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            Index(fields=["created_by_run"], name="work_product_by_run", condition=Q(created_by_run__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.title


class Interaction(AuthoredModel):
    """A question in the thread that a person answers: suggested tasks, questions, a confirmation."""

    issue = models.ForeignKey("issues.Issue", on_delete=models.CASCADE, related_name="interactions")
    kind = models.CharField(max_length=32, choices=choices_of(InteractionKind))
    status = models.CharField(max_length=16, choices=choices_of(InteractionStatus), default=InteractionStatus.PENDING)
    continuation_policy = models.CharField(
        max_length=32, choices=choices_of(ContinuationPolicy), default=ContinuationPolicy.WAKE_ASSIGNEE
    )
    title = models.CharField(max_length=240, null=True, blank=True)
    summary = models.TextField(null=True, blank=True)
    payload = models.JSONField(default=dict)
    result = models.JSONField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)
    source_comment = models.ForeignKey(IssueComment, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    resolved_by_user = models.ForeignKey(
        "agents.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    resolved_by_agent = models.ForeignKey(
        "agents.Agent", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            one_of("kind", InteractionKind, name="interaction_kind_known"),
            one_of("status", InteractionStatus, name="interaction_status_known"),
            UniqueConstraint(
                fields=["issue", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="interaction_key_once_per_issue",
            ),
        ]
        indexes = [Index(fields=["company", "issue"], name="interaction_waiting", condition=Q(status="pending"))]

    def __str__(self) -> str:
        return f"{self.kind} ({self.status})"


class IssueApproval(CompanyModel):
    """An approval that an issue waits for."""

    issue = models.ForeignKey("issues.Issue", on_delete=models.CASCADE, related_name="approval_links")
    approval = models.ForeignKey("agents.Approval", on_delete=models.CASCADE, related_name="issue_links")

    class Meta:
        constraints = [UniqueConstraint(fields=["issue", "approval"], name="issue_approval_once")]

    def __str__(self) -> str:
        return f"{self.issue_id} waits for {self.approval_id}"
