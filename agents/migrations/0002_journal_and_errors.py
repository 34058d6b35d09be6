from __future__ import annotations

import agents.vocabulary
import config.common.models
import django.db.models.deletion
from django.conf import settings
from config.common.migrations import Together
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0001_initial"),
        ("heartbeats", "0002_wake_comments"),
        ("issues", "0002_thread_and_locks"),
    ]

    operations = [
        Together(
            [
                migrations.CreateModel(
                    name="ActivityEvent",
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
                            "actor_type",
                            models.CharField(
                                choices=[
                                    ("agent", "agent"),
                                    ("user", "user"),
                                    ("system", "system"),
                                    ("plugin", "plugin"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("actor_id", models.CharField(max_length=80)),
                        ("action", models.CharField(max_length=120)),
                        ("entity_type", models.CharField(max_length=40)),
                        ("entity_id", models.CharField(max_length=80)),
                        (
                            "agent",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="agents.agent",
                            ),
                        ),
                        (
                            "run",
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
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="issues.issue",
                            ),
                        ),
                        ("details", models.JSONField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-created_at", "-id"],
                        "indexes": [
                            models.Index(fields=["company", "-created_at"], name="activity_newest"),
                            models.Index(fields=["entity_type", "entity_id", "-created_at"], name="activity_by_entity"),
                            models.Index(
                                condition=models.Q(("run__isnull", False)), fields=["run"], name="activity_by_run"
                            ),
                            models.Index(
                                condition=models.Q(("issue__isnull", False)),
                                fields=["issue", "-created_at"],
                                name="activity_by_issue",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("actor_type__in", ["agent", "plugin", "system", "user"])),
                                name="activity_actor_known",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ErrorGroup",
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
                            "agent",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="error_groups",
                                to="agents.agent",
                            ),
                        ),
                        (
                            "severity",
                            models.CharField(
                                choices=[
                                    ("warning", "warning"),
                                    ("error", "error"),
                                    ("critical", "critical"),
                                    ("fatal", "fatal"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("fingerprint", models.CharField(max_length=64)),
                        ("message", models.TextField()),
                        ("occurrences", models.PositiveIntegerField(default=0)),
                        ("first_seen_at", models.DateTimeField()),
                        ("last_seen_at", models.DateTimeField()),
                        (
                            "last_run",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="heartbeats.heartbeatrun",
                            ),
                        ),
                        (
                            "last_issue",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="issues.issue",
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("open", "open"),
                                    ("acknowledged", "acknowledged"),
                                    ("resolved", "resolved"),
                                    ("ignored", "ignored"),
                                ],
                                default=agents.vocabulary.TriageState["OPEN"],
                                max_length=16,
                            ),
                        ),
                        ("state_changed_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "state_changed_by",
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
                        "ordering": ["-last_seen_at"],
                        "indexes": [
                            models.Index(fields=["company", "state", "-last_seen_at"], name="error_group_triage")
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("agent", "severity", "fingerprint"), name="error_group_once"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("severity__in", ["critical", "error", "fatal", "warning"])),
                                name="error_group_severity_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("state__in", ["acknowledged", "ignored", "open", "resolved"])),
                                name="error_group_state_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AgentError",
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
                            "agent",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="errors", to="agents.agent"
                            ),
                        ),
                        (
                            "group",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="errors",
                                to="agents.errorgroup",
                            ),
                        ),
                        (
                            "run",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="errors",
                                to="heartbeats.heartbeatrun",
                            ),
                        ),
                        (
                            "issue",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="issues.issue",
                            ),
                        ),
                        (
                            "severity",
                            models.CharField(
                                choices=[
                                    ("warning", "warning"),
                                    ("error", "error"),
                                    ("critical", "critical"),
                                    ("fatal", "fatal"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("message", models.TextField()),
                        ("context", models.JSONField(blank=True, default=dict)),
                        ("source", models.CharField(default="heartbeat", max_length=16)),
                    ],
                    options={
                        "ordering": ["-created_at"],
                        "indexes": [
                            models.Index(fields=["agent", "-created_at"], name="agent_error_newest"),
                            models.Index(fields=["company", "-created_at"], name="agent_error_company_newest"),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("severity__in", ["critical", "error", "fatal", "warning"])),
                                name="agent_error_severity_known",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CostEvent",
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
                            "agent",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="cost_events",
                                to="agents.agent",
                            ),
                        ),
                        (
                            "run",
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
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
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
                        ("goal_id", models.UUIDField(blank=True, null=True)),
                        ("billing_code", models.CharField(blank=True, max_length=200, null=True)),
                        ("provider", models.CharField(max_length=100)),
                        ("biller", models.CharField(max_length=100)),
                        (
                            "billing_type",
                            models.CharField(
                                choices=[
                                    ("metered_api", "metered api"),
                                    ("subscription_included", "subscription included"),
                                    ("subscription_overage", "subscription overage"),
                                    ("credits", "credits"),
                                    ("fixed", "fixed"),
                                    ("unknown", "unknown"),
                                ],
                                default=agents.vocabulary.BillingType["UNKNOWN"],
                                max_length=24,
                            ),
                        ),
                        ("model", models.CharField(max_length=200)),
                        ("input_tokens", models.BigIntegerField(default=0)),
                        ("cached_input_tokens", models.BigIntegerField(default=0)),
                        ("output_tokens", models.BigIntegerField(default=0)),
                        ("cost_cents", models.BigIntegerField(default=0)),
                        ("occurred_at", models.DateTimeField()),
                        ("booked_by_run", models.BooleanField(default=False)),
                    ],
                    options={
                        "ordering": ["-occurred_at"],
                        "indexes": [
                            models.Index(
                                fields=["company", "occurred_at"], include=("cost_cents",), name="cost_by_company"
                            ),
                            models.Index(
                                fields=["agent", "occurred_at"], include=("cost_cents",), name="cost_by_agent"
                            ),
                            models.Index(
                                fields=["project", "occurred_at"], include=("cost_cents",), name="cost_by_project"
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "billing_type__in",
                                        [
                                            "credits",
                                            "fixed",
                                            "metered_api",
                                            "subscription_included",
                                            "subscription_overage",
                                            "unknown",
                                        ],
                                    )
                                ),
                                name="cost_billing_type_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("cached_input_tokens__gte", 0),
                                    ("cost_cents__gte", 0),
                                    ("input_tokens__gte", 0),
                                    ("output_tokens__gte", 0),
                                ),
                                name="cost_not_negative",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("booked_by_run", True)),
                                fields=("run",),
                                name="cost_booked_once_per_run",
                            ),
                        ],
                    },
                ),
            ],
        ),
    ]
