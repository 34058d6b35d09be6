from __future__ import annotations

import config.common.models
import django.db.models.deletion
import issues.vocabulary
from django.conf import settings
from config.common.migrations import Together
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("agents", "0001_initial"),
    ]

    operations = [
        Together(
            [
                migrations.CreateModel(
                    name="Project",
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
                        ("name", models.CharField(max_length=200)),
                        ("url_key", models.CharField(blank=True, default="", max_length=200)),
                        ("description", models.TextField(blank=True, null=True)),
                        ("status", models.CharField(default="in_progress", max_length=24)),
                        (
                            "lead_agent",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="agents.agent",
                            ),
                        ),
                        ("color", models.CharField(blank=True, max_length=7, null=True)),
                        ("env", models.JSONField(blank=True, default=dict)),
                        ("isolated_workspaces", models.BooleanField(default=False)),
                        (
                            "pause_reason",
                            models.CharField(
                                blank=True,
                                choices=[("manual", "manual"), ("budget", "budget"), ("system", "system")],
                                max_length=16,
                                null=True,
                            ),
                        ),
                        ("paused_at", models.DateTimeField(blank=True, null=True)),
                        ("archived_at", models.DateTimeField(blank=True, null=True)),
                        ("target_date", models.DateField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["name"],
                        "indexes": [models.Index(fields=["company", "name"], name="project_by_company")],
                    },
                ),
                migrations.CreateModel(
                    name="ProjectWorkspace",
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
                            "project",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="workspaces",
                                to="issues.project",
                            ),
                        ),
                        ("name", models.CharField(max_length=200)),
                        ("cwd", models.CharField(blank=True, max_length=1000, null=True)),
                        ("repo_url", models.CharField(blank=True, max_length=1000, null=True)),
                        ("repo_ref", models.CharField(blank=True, max_length=200, null=True)),
                        ("is_primary", models.BooleanField(default=False)),
                    ],
                    options={
                        "ordering": ["-is_primary", "created_at"],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("is_primary", True)),
                                fields=("project",),
                                name="project_workspace_one_primary",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Issue",
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
                            "project",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="issues",
                                to="issues.project",
                            ),
                        ),
                        (
                            "project_workspace",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="issues.projectworkspace",
                            ),
                        ),
                        ("goal_id", models.UUIDField(blank=True, null=True)),
                        (
                            "parent",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="children",
                                to="issues.issue",
                            ),
                        ),
                        ("number", models.PositiveIntegerField()),
                        ("identifier", models.CharField(max_length=32)),
                        ("title", models.CharField(max_length=1000)),
                        ("description", models.TextField(blank=True, null=True)),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("backlog", "backlog"),
                                    ("todo", "todo"),
                                    ("in_progress", "in progress"),
                                    ("in_review", "in review"),
                                    ("blocked", "blocked"),
                                    ("done", "done"),
                                    ("cancelled", "cancelled"),
                                ],
                                default=issues.vocabulary.IssueStatus["BACKLOG"],
                                max_length=16,
                            ),
                        ),
                        (
                            "priority",
                            models.CharField(
                                choices=[
                                    ("critical", "critical"),
                                    ("high", "high"),
                                    ("medium", "medium"),
                                    ("low", "low"),
                                ],
                                default=issues.vocabulary.Priority["MEDIUM"],
                                max_length=12,
                            ),
                        ),
                        (
                            "work_mode",
                            models.CharField(
                                choices=[("standard", "standard"), ("planning", "planning")],
                                default=issues.vocabulary.WorkMode["STANDARD"],
                                max_length=12,
                            ),
                        ),
                        (
                            "assignee_agent",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="assigned_issues",
                                to="agents.agent",
                            ),
                        ),
                        (
                            "assignee_user",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
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
                        ("execution_locked_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "origin_kind",
                            models.CharField(default=issues.vocabulary.OriginKind["MANUAL"], max_length=64),
                        ),
                        ("origin_id", models.CharField(blank=True, max_length=200, null=True)),
                        ("origin_fingerprint", models.CharField(blank=True, max_length=200, null=True)),
                        ("request_depth", models.PositiveIntegerField(default=0)),
                        ("billing_code", models.CharField(blank=True, max_length=200, null=True)),
                        ("assignee_adapter_overrides", models.JSONField(blank=True, null=True)),
                        ("execution_policy", models.JSONField(blank=True, null=True)),
                        ("execution_state", models.JSONField(blank=True, null=True)),
                        (
                            "review_participant_agent",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="agents.agent",
                            ),
                        ),
                        (
                            "review_participant_user",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("execution_workspace_settings", models.JSONField(blank=True, null=True)),
                        ("started_at", models.DateTimeField(blank=True, null=True)),
                        ("completed_at", models.DateTimeField(blank=True, null=True)),
                        ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                        ("hidden_at", models.DateTimeField(blank=True, null=True)),
                        ("last_human_action_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-created_at"],
                        "indexes": [
                            models.Index(fields=["company", "-created_at"], name="issue_newest"),
                            models.Index(fields=["company", "status"], name="issue_by_status"),
                            models.Index(fields=["parent"], name="issue_children"),
                            models.Index(
                                condition=models.Q(
                                    ("assignee_agent__isnull", False),
                                    models.Q(("status__in", ["done", "cancelled"]), _negated=True),
                                ),
                                fields=["assignee_agent", "status"],
                                name="issue_agent_owned",
                            ),
                            models.Index(
                                condition=models.Q(
                                    ("assignee_agent__isnull", False),
                                    ("assignee_user__isnull", True),
                                    ("hidden_at__isnull", True),
                                    ("status__in", ["todo", "in_progress"]),
                                ),
                                fields=["id"],
                                name="issue_agent_owned_active",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "status__in",
                                        ["backlog", "blocked", "cancelled", "done", "in_progress", "in_review", "todo"],
                                    )
                                ),
                                name="issue_status_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("priority__in", ["critical", "high", "low", "medium"])),
                                name="issue_priority_known",
                            ),
                            models.UniqueConstraint(fields=("company", "number"), name="issue_number_once"),
                            models.UniqueConstraint(fields=("identifier",), name="issue_identifier_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("assignee_agent__isnull", True), ("assignee_user__isnull", True), _connector="OR"
                                ),
                                name="issue_at_most_one_assignee",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("parent", models.F("id")), _negated=True),
                                name="issue_is_not_its_own_parent",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("status", issues.vocabulary.IssueStatus["DONE"]), _negated=True),
                                    ("completed_at__isnull", False),
                                    _connector="OR",
                                ),
                                name="issue_done_has_time",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("status", issues.vocabulary.IssueStatus["CANCELLED"]), _negated=True),
                                    ("cancelled_at__isnull", False),
                                    _connector="OR",
                                ),
                                name="issue_cancelled_has_time",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(
                                    (
                                        "origin_kind__in",
                                        [
                                            "stranded_issue_recovery",
                                            "stale_active_run_evaluation",
                                            "harness_liveness_escalation",
                                        ],
                                    ),
                                    models.Q(("status__in", ["done", "cancelled"]), _negated=True),
                                    ("origin_id__isnull", False),
                                ),
                                fields=("company", "origin_kind", "origin_id"),
                                name="issue_one_open_recovery",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(
                                    ("origin_kind", "harness_liveness_escalation"),
                                    models.Q(("status__in", ["done", "cancelled"]), _negated=True),
                                    ("origin_fingerprint__isnull", False),
                                ),
                                fields=("company", "origin_fingerprint"),
                                name="issue_one_open_escalation_per_leaf",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="IssueRelation",
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
                            "blocker",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="blocks_edges",
                                to="issues.issue",
                            ),
                        ),
                        (
                            "blocked",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="blocked_by_edges",
                                to="issues.issue",
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
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("blocker", "blocked"), name="relation_once"),
                            models.CheckConstraint(
                                condition=models.Q(("blocker", models.F("blocked")), _negated=True),
                                name="relation_not_to_itself",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Label",
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
                        ("name", models.CharField(max_length=48)),
                        ("color", models.CharField(default="#6b7280", max_length=7)),
                        ("issues", models.ManyToManyField(blank=True, related_name="labels", to="issues.issue")),
                    ],
                    options={
                        "ordering": ["name"],
                        "constraints": [
                            models.UniqueConstraint(fields=("company", "name"), name="label_once_per_company")
                        ],
                    },
                ),
            ],
        ),
    ]
