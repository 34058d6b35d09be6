from __future__ import annotations

import agents.vocabulary
import config.common.models
import django.db.models.deletion
import issues.vocabulary
from django.conf import settings
from config.common.migrations import Together
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("heartbeats", "0001_initial"),
        ("issues", "0001_initial"),
    ]

    operations = [
        Together(
            [
                migrations.CreateModel(
                    name="IssueComment",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=config.common.models.uuid7, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "company",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.company"
                            ),
                        ),
                        (
                            "author_agent",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="agents.agent",
                            ),
                        ),
                        (
                            "author_user",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "created_by_run",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="heartbeats.heartbeatrun",
                            ),
                        ),
                        (
                            "issue",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="comments", to="issues.issue"
                            ),
                        ),
                        ("body", models.TextField()),
                        ("follow_up_requested", models.BooleanField(default=False)),
                    ],
                    options={
                        "ordering": ["created_at", "id"],
                        "indexes": [
                            models.Index(fields=["issue", "created_at", "id"], name="comment_by_issue"),
                            models.Index(
                                condition=models.Q(("created_by_run__isnull", False)),
                                fields=["created_by_run"],
                                name="comment_by_run",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="IssueDocument",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=config.common.models.uuid7, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "company",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.company"
                            ),
                        ),
                        (
                            "issue",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="documents", to="issues.issue"
                            ),
                        ),
                        ("key", models.CharField(max_length=64)),
                        ("title", models.CharField(blank=True, max_length=200, null=True)),
                        ("format", models.CharField(default="markdown", max_length=16)),
                        ("body", models.TextField()),
                        ("latest_revision_number", models.PositiveIntegerField(default=1)),
                    ],
                    options={
                        "ordering": ["key"],
                        "constraints": [models.UniqueConstraint(fields=("issue", "key"), name="document_key_once")],
                    },
                ),
                migrations.CreateModel(
                    name="DocumentRevision",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=config.common.models.uuid7, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "company",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.company"
                            ),
                        ),
                        (
                            "author_agent",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="agents.agent",
                            ),
                        ),
                        (
                            "author_user",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "created_by_run",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="heartbeats.heartbeatrun",
                            ),
                        ),
                        (
                            "document",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="revisions",
                                to="issues.issuedocument",
                            ),
                        ),
                        ("revision_number", models.PositiveIntegerField()),
                        ("title", models.CharField(blank=True, max_length=200, null=True)),
                        ("format", models.CharField(default="markdown", max_length=16)),
                        ("body", models.TextField()),
                        ("change_summary", models.CharField(blank=True, max_length=500, null=True)),
                    ],
                    options={
                        "ordering": ["-revision_number"],
                        "indexes": [
                            models.Index(
                                condition=models.Q(("created_by_run__isnull", False)),
                                fields=["created_by_run"],
                                name="revision_by_run",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("document", "revision_number"), name="revision_number_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="WorkProduct",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=config.common.models.uuid7, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "company",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.company"
                            ),
                        ),
                        (
                            "author_agent",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="agents.agent",
                            ),
                        ),
                        (
                            "author_user",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "created_by_run",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="heartbeats.heartbeatrun",
                            ),
                        ),
                        (
                            "issue",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="work_products",
                                to="issues.issue",
                            ),
                        ),
                        (
                            "project",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="issues.project",
                            ),
                        ),
                        ("type", models.CharField(max_length=64)),
                        ("provider", models.CharField(max_length=64)),
                        ("external_id", models.CharField(blank=True, max_length=500, null=True)),
                        ("title", models.CharField(max_length=500)),
                        ("url", models.CharField(blank=True, max_length=2000, null=True)),
                        ("status", models.CharField(default="active", max_length=64)),
                        ("review_state", models.CharField(default="none", max_length=64)),
                        ("is_primary", models.BooleanField(default=False)),
                        ("health_status", models.CharField(default="unknown", max_length=64)),
                        ("summary", models.TextField(blank=True, null=True)),
                        ("metadata", models.JSONField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-created_at"],
                        "indexes": [
                            models.Index(
                                condition=models.Q(("created_by_run__isnull", False)),
                                fields=["created_by_run"],
                                name="work_product_by_run",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Interaction",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=config.common.models.uuid7, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "company",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.company"
                            ),
                        ),
                        (
                            "author_agent",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="agents.agent",
                            ),
                        ),
                        (
                            "author_user",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "created_by_run",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="heartbeats.heartbeatrun",
                            ),
                        ),
                        (
                            "issue",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="interactions",
                                to="issues.issue",
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("suggest_tasks", "suggest tasks"),
                                    ("ask_user_questions", "ask user questions"),
                                    ("request_confirmation", "request confirmation"),
                                ],
                                max_length=32,
                            ),
                        ),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("pending", "pending"),
                                    ("accepted", "accepted"),
                                    ("rejected", "rejected"),
                                    ("answered", "answered"),
                                    ("expired", "expired"),
                                ],
                                default=issues.vocabulary.InteractionStatus["PENDING"],
                                max_length=16,
                            ),
                        ),
                        (
                            "continuation_policy",
                            models.CharField(
                                choices=[
                                    ("none", "none"),
                                    ("wake_assignee", "wake assignee"),
                                    ("wake_assignee_on_accept", "wake assignee on accept"),
                                ],
                                default=issues.vocabulary.ContinuationPolicy["WAKE_ASSIGNEE"],
                                max_length=32,
                            ),
                        ),
                        ("title", models.CharField(blank=True, max_length=240, null=True)),
                        ("summary", models.TextField(blank=True, null=True)),
                        ("payload", models.JSONField(default=dict)),
                        ("result", models.JSONField(blank=True, null=True)),
                        ("idempotency_key", models.CharField(blank=True, max_length=255, null=True)),
                        (
                            "source_comment",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="issues.issuecomment",
                            ),
                        ),
                        (
                            "resolved_by_user",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "resolved_by_agent",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="agents.agent",
                            ),
                        ),
                        ("resolved_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["created_at"],
                        "indexes": [
                            models.Index(
                                condition=models.Q(("status", "pending")),
                                fields=["company", "issue"],
                                name="interaction_waiting",
                            )
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("kind__in", ["ask_user_questions", "request_confirmation", "suggest_tasks"])
                                ),
                                name="interaction_kind_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("status__in", ["accepted", "answered", "expired", "pending", "rejected"])
                                ),
                                name="interaction_status_known",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("idempotency_key__isnull", False)),
                                fields=("issue", "idempotency_key"),
                                name="interaction_key_once_per_issue",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="IssueApproval",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=config.common.models.uuid7, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "company",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.company"
                            ),
                        ),
                        (
                            "issue",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="approval_links",
                                to="issues.issue",
                            ),
                        ),
                        (
                            "approval",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="issue_links",
                                to="agents.approval",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("issue", "approval"), name="issue_approval_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="TreeHold",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=config.common.models.uuid7, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "company",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.company"
                            ),
                        ),
                        (
                            "root_issue",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="tree_holds",
                                to="issues.issue",
                            ),
                        ),
                        (
                            "mode",
                            models.CharField(
                                choices=[
                                    ("pause", "pause"),
                                    ("resume", "resume"),
                                    ("cancel", "cancel"),
                                    ("restore", "restore"),
                                ],
                                max_length=8,
                            ),
                        ),
                        (
                            "status",
                            models.CharField(
                                choices=[("active", "active"), ("released", "released")],
                                default=issues.vocabulary.HoldStatus["ACTIVE"],
                                max_length=8,
                            ),
                        ),
                        ("reason", models.CharField(blank=True, max_length=1000, null=True)),
                        ("release_policy", models.JSONField(blank=True, null=True)),
                        ("metadata", models.JSONField(blank=True, null=True)),
                        (
                            "created_by_actor_type",
                            models.CharField(
                                choices=[
                                    ("agent", "agent"),
                                    ("user", "user"),
                                    ("system", "system"),
                                    ("plugin", "plugin"),
                                ],
                                default=agents.vocabulary.ActorType["USER"],
                                max_length=8,
                            ),
                        ),
                        (
                            "created_by_agent",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="agents.agent",
                            ),
                        ),
                        (
                            "created_by_user",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "created_by_run",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="heartbeats.heartbeatrun",
                            ),
                        ),
                        ("released_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "released_by_actor_type",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("agent", "agent"),
                                    ("user", "user"),
                                    ("system", "system"),
                                    ("plugin", "plugin"),
                                ],
                                max_length=8,
                                null=True,
                            ),
                        ),
                        (
                            "released_by_user",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("release_reason", models.CharField(blank=True, max_length=1000, null=True)),
                        ("release_metadata", models.JSONField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-created_at"],
                        "indexes": [
                            models.Index(
                                condition=models.Q(("mode", "pause"), ("status", "active")),
                                fields=["root_issue"],
                                name="hold_active_pause",
                            )
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("mode__in", ["cancel", "pause", "restore", "resume"])),
                                name="hold_mode_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("status__in", ["active", "released"])), name="hold_status_known"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("status", "active"), ("released_at__isnull", False), _connector="OR"
                                ),
                                name="hold_released_has_time",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="TreeHoldMember",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=config.common.models.uuid7, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "company",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.company"
                            ),
                        ),
                        (
                            "hold",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="members",
                                to="issues.treehold",
                            ),
                        ),
                        (
                            "issue",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="issues.issue"
                            ),
                        ),
                        ("parent_issue_id", models.UUIDField(blank=True, null=True)),
                        ("depth", models.PositiveIntegerField(default=0)),
                        ("issue_identifier", models.CharField(max_length=32)),
                        ("issue_title", models.CharField(max_length=1000)),
                        ("issue_status", models.CharField(max_length=16)),
                        ("assignee_agent_id", models.UUIDField(blank=True, null=True)),
                        ("assignee_user_id", models.UUIDField(blank=True, null=True)),
                        ("active_run_id", models.UUIDField(blank=True, null=True)),
                        ("active_run_status", models.CharField(blank=True, max_length=20, null=True)),
                        ("skipped", models.BooleanField(default=False)),
                        ("skip_reason", models.CharField(blank=True, max_length=64, null=True)),
                    ],
                    options={
                        "ordering": ["depth", "created_at"],
                        "constraints": [models.UniqueConstraint(fields=("hold", "issue"), name="hold_member_once")],
                    },
                ),
            ],
        ),
        Together(
            [
                migrations.AddField(
                    model_name="issuedocument",
                    name="latest_revision",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="issues.documentrevision",
                    ),
                ),
                migrations.AddField(
                    model_name="issue",
                    name="checkout_run",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="heartbeats.heartbeatrun",
                    ),
                ),
                migrations.AddField(
                    model_name="issue",
                    name="execution_run",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="heartbeats.heartbeatrun",
                    ),
                ),
                migrations.AddField(
                    model_name="issue",
                    name="origin_run",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="heartbeats.heartbeatrun",
                    ),
                ),
                migrations.AddField(
                    model_name="issue",
                    name="execution_workspace",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="heartbeats.executionworkspace",
                    ),
                ),
                migrations.AddIndex(
                    model_name="issue",
                    index=models.Index(
                        condition=models.Q(("execution_run__isnull", False)),
                        fields=["execution_run"],
                        name="issue_locked",
                    ),
                ),
                migrations.AddIndex(
                    model_name="issue",
                    index=models.Index(
                        condition=models.Q(("checkout_run__isnull", False)),
                        fields=["checkout_run"],
                        name="issue_checked_out",
                    ),
                ),
            ],
        ),
    ]
