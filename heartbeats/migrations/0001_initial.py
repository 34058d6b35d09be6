from __future__ import annotations

import agents.vocabulary
import config.common.models
import django.db.models.deletion
import heartbeats.models.environment
import heartbeats.vocabulary
from config.common.migrations import Together
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("agents", "0001_initial"),
        ("issues", "0001_initial"),
    ]

    operations = [
        Together(
            [
                migrations.CreateModel(
                    name="Host",
                    fields=[
                        ("name", models.CharField(max_length=200, primary_key=True, serialize=False)),
                        ("boot_id", models.CharField(max_length=80)),
                        ("labels", models.JSONField(blank=True, default=list)),
                        ("capacity", models.PositiveIntegerField(default=64)),
                        ("supervisor_pid", models.IntegerField(blank=True, null=True)),
                        ("started_at", models.DateTimeField()),
                        ("last_seen_at", models.DateTimeField()),
                    ],
                    options={
                        "ordering": ["name"],
                    },
                ),
                migrations.CreateModel(
                    name="WakeupRequest",
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
                                on_delete=django.db.models.deletion.CASCADE, related_name="wakeups", to="agents.agent"
                            ),
                        ),
                        (
                            "issue",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="wakeups",
                                to="issues.issue",
                            ),
                        ),
                        (
                            "source",
                            models.CharField(
                                choices=[
                                    ("timer", "timer"),
                                    ("assignment", "assignment"),
                                    ("on_demand", "on demand"),
                                    ("automation", "automation"),
                                ],
                                max_length=16,
                            ),
                        ),
                        (
                            "trigger_detail",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("manual", "manual"),
                                    ("ping", "ping"),
                                    ("callback", "callback"),
                                    ("system", "system"),
                                ],
                                max_length=16,
                                null=True,
                            ),
                        ),
                        ("reason", models.CharField(blank=True, max_length=120, null=True)),
                        ("wake_reason", models.CharField(blank=True, max_length=120, null=True)),
                        ("task_key", models.CharField(blank=True, max_length=200, null=True)),
                        ("payload", models.JSONField(blank=True, null=True)),
                        ("context", models.JSONField(blank=True, null=True)),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("queued", "queued"),
                                    ("claimed", "claimed"),
                                    ("completed", "completed"),
                                    ("failed", "failed"),
                                    ("cancelled", "cancelled"),
                                    ("timed_out", "timed out"),
                                    ("skipped", "skipped"),
                                    ("coalesced", "coalesced"),
                                    ("deferred_issue_execution", "deferred issue execution"),
                                ],
                                max_length=32,
                            ),
                        ),
                        ("coalesced_count", models.PositiveIntegerField(default=0)),
                        ("idempotency_key", models.CharField(blank=True, max_length=255, null=True)),
                        (
                            "requested_by_type",
                            models.CharField(
                                choices=[
                                    ("agent", "agent"),
                                    ("user", "user"),
                                    ("system", "system"),
                                    ("plugin", "plugin"),
                                ],
                                default=agents.vocabulary.ActorType["SYSTEM"],
                                max_length=8,
                            ),
                        ),
                        ("requested_by_id", models.CharField(blank=True, max_length=80, null=True)),
                        ("requested_at", models.DateTimeField()),
                        ("claimed_at", models.DateTimeField(blank=True, null=True)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        ("error", models.TextField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-requested_at"],
                        "indexes": [
                            models.Index(fields=["agent", "-requested_at"], name="wakeup_newest"),
                            models.Index(
                                condition=models.Q(
                                    ("issue__isnull", False),
                                    ("status__in", ["queued", "claimed", "deferred_issue_execution"]),
                                ),
                                fields=["issue", "requested_at"],
                                name="wakeup_open_on_issue",
                            ),
                            models.Index(
                                condition=models.Q(("issue__isnull", False)),
                                fields=["issue", "-requested_at"],
                                name="wakeup_by_issue",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "status__in",
                                        [
                                            "cancelled",
                                            "claimed",
                                            "coalesced",
                                            "completed",
                                            "deferred_issue_execution",
                                            "failed",
                                            "queued",
                                            "skipped",
                                            "timed_out",
                                        ],
                                    )
                                ),
                                name="wakeup_status_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("source__in", ["assignment", "automation", "on_demand", "timer"])),
                                name="wakeup_source_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("trigger_detail__in", ["callback", "manual", "ping", "system"]),
                                    ("trigger_detail__isnull", True),
                                    _connector="OR",
                                ),
                                name="wakeup_trigger_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("requested_by_type__in", ["agent", "plugin", "system", "user"])),
                                name="wakeup_requester_known",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("idempotency_key__isnull", False)),
                                fields=("company", "idempotency_key"),
                                name="wakeup_idempotency_key_once",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("issue__isnull", False), ("status", "deferred_issue_execution")),
                                fields=("agent", "issue"),
                                name="wakeup_one_deferred_per_agent_and_issue",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="HeartbeatRun",
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
                                on_delete=django.db.models.deletion.CASCADE, related_name="runs", to="agents.agent"
                            ),
                        ),
                        (
                            "issue",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="runs",
                                to="issues.issue",
                            ),
                        ),
                        (
                            "wakeup",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="heartbeats.wakeuprequest",
                            ),
                        ),
                        (
                            "invocation_source",
                            models.CharField(
                                choices=[
                                    ("timer", "timer"),
                                    ("assignment", "assignment"),
                                    ("on_demand", "on demand"),
                                    ("automation", "automation"),
                                ],
                                max_length=16,
                            ),
                        ),
                        (
                            "trigger_detail",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("manual", "manual"),
                                    ("ping", "ping"),
                                    ("callback", "callback"),
                                    ("system", "system"),
                                ],
                                max_length=16,
                                null=True,
                            ),
                        ),
                        ("wake_reason", models.CharField(blank=True, max_length=120, null=True)),
                        ("task_key", models.CharField(blank=True, max_length=200, null=True)),
                        ("context", models.JSONField(blank=True, default=dict)),
                        ("adapter_type", models.CharField(max_length=24)),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("queued", "queued"),
                                    ("running", "running"),
                                    ("scheduled_retry", "scheduled retry"),
                                    ("succeeded", "succeeded"),
                                    ("failed", "failed"),
                                    ("cancelled", "cancelled"),
                                    ("timed_out", "timed out"),
                                ],
                                default=heartbeats.vocabulary.RunStatus["QUEUED"],
                                max_length=16,
                            ),
                        ),
                        ("error", models.TextField(blank=True, null=True)),
                        ("error_code", models.CharField(blank=True, max_length=120, null=True)),
                        ("claimed_at", models.DateTimeField(blank=True, null=True)),
                        ("started_at", models.DateTimeField(blank=True, null=True)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        ("cancel_requested_at", models.DateTimeField(blank=True, null=True)),
                        ("epoch", models.PositiveIntegerField(default=0)),
                        ("executor_host", models.CharField(blank=True, max_length=200, null=True)),
                        ("executor_boot_id", models.CharField(blank=True, max_length=80, null=True)),
                        ("lease_expires_at", models.DateTimeField(blank=True, null=True)),
                        ("supervisor_losses", models.PositiveSmallIntegerField(default=0)),
                        ("process_pid", models.IntegerField(blank=True, null=True)),
                        ("process_group_id", models.IntegerField(blank=True, null=True)),
                        ("process_start_ticks", models.BigIntegerField(blank=True, null=True)),
                        ("process_started_at", models.DateTimeField(blank=True, null=True)),
                        ("process_stopping", models.BooleanField(default=False)),
                        ("external_run_id", models.CharField(blank=True, max_length=200, null=True)),
                        ("progress", models.JSONField(blank=True, null=True)),
                        ("exit_code", models.IntegerField(blank=True, null=True)),
                        ("signal", models.CharField(blank=True, max_length=24, null=True)),
                        ("usage", models.JSONField(blank=True, null=True)),
                        ("result", models.JSONField(blank=True, null=True)),
                        ("session_id_before", models.CharField(blank=True, max_length=500, null=True)),
                        ("session_id_after", models.CharField(blank=True, max_length=500, null=True)),
                        ("log_store", models.CharField(blank=True, max_length=16, null=True)),
                        ("log_ref", models.CharField(blank=True, max_length=500, null=True)),
                        ("log_bytes", models.BigIntegerField(blank=True, null=True)),
                        ("log_sha256", models.CharField(blank=True, max_length=64, null=True)),
                        ("log_truncated_at", models.BigIntegerField(blank=True, null=True)),
                        ("stdout_excerpt", models.TextField(blank=True, null=True)),
                        ("stderr_excerpt", models.TextField(blank=True, null=True)),
                        ("last_output_at", models.DateTimeField(blank=True, null=True)),
                        ("last_output_seq", models.IntegerField(default=0)),
                        ("last_output_stream", models.CharField(blank=True, max_length=8, null=True)),
                        ("last_output_bytes", models.BigIntegerField(blank=True, null=True)),
                        ("event_seq", models.PositiveIntegerField(default=0)),
                        (
                            "retry_of_run",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="retries",
                                to="heartbeats.heartbeatrun",
                            ),
                        ),
                        (
                            "retry_reason",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("assignment_recovery", "assignment recovery"),
                                    ("issue_continuation_needed", "issue continuation needed"),
                                    ("process_lost", "process lost"),
                                    ("transient_failure", "transient failure"),
                                    ("agent_failure", "agent failure"),
                                    ("missing_issue_comment", "missing issue comment"),
                                    ("run_liveness_continuation", "run liveness continuation"),
                                ],
                                max_length=40,
                                null=True,
                            ),
                        ),
                        ("process_loss_retry_count", models.PositiveSmallIntegerField(default=0)),
                        ("failure_retry_count", models.PositiveSmallIntegerField(default=0)),
                        ("scheduled_retry_at", models.DateTimeField(blank=True, null=True)),
                        ("scheduled_retry_attempt", models.PositiveSmallIntegerField(default=0)),
                        ("continuation_attempt", models.PositiveSmallIntegerField(default=0)),
                        (
                            "issue_comment_status",
                            models.CharField(
                                choices=[
                                    ("not_applicable", "not applicable"),
                                    ("satisfied", "satisfied"),
                                    ("retry_queued", "retry queued"),
                                    ("retry_exhausted", "retry exhausted"),
                                ],
                                default=heartbeats.vocabulary.IssueCommentStatus["NOT_APPLICABLE"],
                                max_length=16,
                            ),
                        ),
                        ("issue_comment_retry_queued_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "liveness_state",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("completed", "completed"),
                                    ("advanced", "advanced"),
                                    ("plan_only", "plan only"),
                                    ("empty_response", "empty response"),
                                    ("blocked", "blocked"),
                                    ("failed", "failed"),
                                    ("needs_followup", "needs followup"),
                                ],
                                max_length=20,
                                null=True,
                            ),
                        ),
                        ("liveness_reason", models.CharField(blank=True, max_length=500, null=True)),
                        ("last_useful_action_at", models.DateTimeField(blank=True, null=True)),
                        ("next_action", models.CharField(blank=True, max_length=500, null=True)),
                    ],
                    options={
                        "verbose_name": "run",
                        "ordering": ["-created_at"],
                        "indexes": [
                            models.Index(fields=["company", "-created_at"], name="run_newest"),
                            models.Index(fields=["agent", "-created_at"], name="run_newest_of_agent"),
                            models.Index(
                                condition=models.Q(("issue__isnull", False)),
                                fields=["issue", "-created_at"],
                                name="run_newest_of_issue",
                            ),
                            models.Index(
                                condition=models.Q(("status__in", ["queued", "running", "scheduled_retry"])),
                                fields=["agent", "status"],
                                name="run_live_of_agent",
                            ),
                            models.Index(
                                condition=models.Q(("status__in", ["queued", "running", "scheduled_retry"])),
                                fields=["company", "status"],
                                name="run_live_of_company",
                            ),
                            models.Index(
                                condition=models.Q(("status", "queued")), fields=["created_at"], name="run_waiting"
                            ),
                            models.Index(
                                condition=models.Q(("status", "scheduled_retry")),
                                fields=["scheduled_retry_at"],
                                name="run_retry_due",
                            ),
                            models.Index(
                                condition=models.Q(("status", "running")),
                                fields=["lease_expires_at"],
                                name="run_lease_due",
                            ),
                            models.Index(
                                condition=models.Q(("status", "running")),
                                fields=["last_output_at"],
                                name="run_silent_since",
                            ),
                            models.Index(
                                condition=models.Q(("status", "running"), ("process_stopping", True), _connector="OR"),
                                fields=["executor_host"],
                                name="run_on_host",
                            ),
                            models.Index(
                                condition=models.Q(("retry_of_run__isnull", False)),
                                fields=["retry_of_run"],
                                name="run_retries",
                            ),
                            models.Index(
                                condition=models.Q(("session_id_after__isnull", False)),
                                fields=["agent", "session_id_after", "-created_at"],
                                name="run_of_session",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "status__in",
                                        [
                                            "cancelled",
                                            "failed",
                                            "queued",
                                            "running",
                                            "scheduled_retry",
                                            "succeeded",
                                            "timed_out",
                                        ],
                                    )
                                ),
                                name="run_status_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("invocation_source__in", ["assignment", "automation", "on_demand", "timer"])
                                ),
                                name="run_source_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("trigger_detail__in", ["callback", "manual", "ping", "system"]),
                                    ("trigger_detail__isnull", True),
                                    _connector="OR",
                                ),
                                name="run_trigger_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "retry_reason__in",
                                        [
                                            "agent_failure",
                                            "assignment_recovery",
                                            "issue_continuation_needed",
                                            "missing_issue_comment",
                                            "process_lost",
                                            "run_liveness_continuation",
                                            "transient_failure",
                                        ],
                                    ),
                                    ("retry_reason__isnull", True),
                                    _connector="OR",
                                ),
                                name="run_retry_reason_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "liveness_state__in",
                                        [
                                            "advanced",
                                            "blocked",
                                            "completed",
                                            "empty_response",
                                            "failed",
                                            "needs_followup",
                                            "plan_only",
                                        ],
                                    ),
                                    ("liveness_state__isnull", True),
                                    _connector="OR",
                                ),
                                name="run_liveness_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "issue_comment_status__in",
                                        ["not_applicable", "retry_exhausted", "retry_queued", "satisfied"],
                                    )
                                ),
                                name="run_comment_status_known",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(
                                    ("status__in", ["queued", "running", "scheduled_retry"]), ("issue__isnull", False)
                                ),
                                fields=("issue",),
                                name="run_one_live_per_issue",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("status__in", ["queued", "running", "scheduled_retry"]),
                                    ("finished_at__isnull", False),
                                    _connector="OR",
                                ),
                                name="run_terminal_has_finished_at",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("status", heartbeats.vocabulary.RunStatus["SCHEDULED_RETRY"]), _negated=True
                                    ),
                                    ("scheduled_retry_at__isnull", False),
                                    _connector="OR",
                                ),
                                name="run_scheduled_retry_has_due_time",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("status", heartbeats.vocabulary.RunStatus["RUNNING"]), _negated=True),
                                    models.Q(("lease_expires_at__isnull", False), ("started_at__isnull", False)),
                                    _connector="OR",
                                ),
                                name="run_running_has_lease",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RunEvent",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "company",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.company"
                            ),
                        ),
                        (
                            "run",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="events",
                                to="heartbeats.heartbeatrun",
                            ),
                        ),
                        (
                            "agent",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.agent"
                            ),
                        ),
                        ("seq", models.PositiveIntegerField()),
                        ("event_type", models.CharField(max_length=60)),
                        ("stream", models.CharField(blank=True, max_length=8, null=True)),
                        ("level", models.CharField(blank=True, max_length=8, null=True)),
                        ("color", models.CharField(blank=True, max_length=24, null=True)),
                        ("message", models.TextField(blank=True, null=True)),
                        ("payload", models.JSONField(blank=True, null=True)),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "ordering": ["seq"],
                        "constraints": [models.UniqueConstraint(fields=("run", "seq"), name="run_event_seq_once")],
                    },
                ),
                migrations.CreateModel(
                    name="LateReport",
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
                            "run",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="late_reports",
                                to="heartbeats.heartbeatrun",
                            ),
                        ),
                        ("epoch", models.PositiveIntegerField()),
                        ("current_epoch", models.PositiveIntegerField()),
                        ("origin", models.CharField(max_length=40)),
                        ("payload", models.JSONField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-created_at"],
                    },
                ),
                migrations.CreateModel(
                    name="TaskSession",
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
                                related_name="task_sessions",
                                to="agents.agent",
                            ),
                        ),
                        ("adapter_type", models.CharField(max_length=24)),
                        ("task_key", models.CharField(max_length=200)),
                        ("session_params", models.JSONField(blank=True, null=True)),
                        ("session_display_id", models.CharField(blank=True, max_length=128, null=True)),
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
                        ("last_error", models.TextField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-updated_at"],
                        "indexes": [models.Index(fields=["agent", "-updated_at"], name="task_session_newest")],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("agent", "adapter_type", "task_key"), name="task_session_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RuntimeState",
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
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="runtime_state",
                                to="agents.agent",
                            ),
                        ),
                        ("adapter_type", models.CharField(max_length=24)),
                        ("session_id", models.CharField(blank=True, max_length=500, null=True)),
                        ("state", models.JSONField(blank=True, default=dict)),
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
                        ("last_run_status", models.CharField(blank=True, max_length=16, null=True)),
                        ("total_input_tokens", models.BigIntegerField(default=0)),
                        ("total_output_tokens", models.BigIntegerField(default=0)),
                        ("total_cached_input_tokens", models.BigIntegerField(default=0)),
                        ("total_cost_cents", models.BigIntegerField(default=0)),
                        ("last_error", models.TextField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-updated_at"],
                    },
                ),
                migrations.CreateModel(
                    name="ExecutionWorkspace",
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
                                related_name="+",
                                to="issues.project",
                            ),
                        ),
                        (
                            "source_issue",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="issues.issue",
                            ),
                        ),
                        ("strategy", models.CharField(default="project", max_length=24)),
                        ("name", models.CharField(max_length=200)),
                        ("host", models.CharField(blank=True, default="", max_length=200)),
                        ("cwd", models.CharField(max_length=1000)),
                        ("repo_url", models.CharField(blank=True, max_length=1000, null=True)),
                        ("base_ref", models.CharField(blank=True, max_length=200, null=True)),
                        ("branch_name", models.CharField(blank=True, max_length=250, null=True)),
                        (
                            "status",
                            models.CharField(
                                choices=[("active", "active"), ("closed", "closed")],
                                default=heartbeats.models.environment.WorkspaceStatus["ACTIVE"],
                                max_length=12,
                            ),
                        ),
                        ("last_used_at", models.DateTimeField(blank=True, null=True)),
                        ("closed_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-last_used_at"],
                        "indexes": [
                            models.Index(
                                condition=models.Q(("source_issue__isnull", False)),
                                fields=["source_issue"],
                                name="workspace_of_issue",
                            )
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("status__in", ["active", "closed"])), name="workspace_status_known"
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("status", "active")),
                                fields=("host", "cwd"),
                                name="workspace_folder_once",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="EnvironmentLease",
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
                            "run",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="environment_leases",
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
                            "workspace",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="heartbeats.executionworkspace",
                            ),
                        ),
                        ("provider", models.CharField(default="local", max_length=24)),
                        (
                            "status",
                            models.CharField(
                                choices=[("active", "active"), ("released", "released"), ("failed", "failed")],
                                default=heartbeats.models.environment.LeaseStatus["ACTIVE"],
                                max_length=12,
                            ),
                        ),
                        ("acquired_at", models.DateTimeField()),
                        ("released_at", models.DateTimeField(blank=True, null=True)),
                        ("failure_reason", models.CharField(blank=True, max_length=200, null=True)),
                    ],
                    options={
                        "ordering": ["-acquired_at"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("status__in", ["active", "failed", "released"])),
                                name="lease_status_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("status", "active"), ("released_at__isnull", False), _connector="OR"
                                ),
                                name="lease_ended_has_time",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("status", "active")),
                                fields=("run",),
                                name="lease_one_active_per_run",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="WorkspaceOperation",
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
                            "run",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="workspace_operations",
                                to="heartbeats.heartbeatrun",
                            ),
                        ),
                        (
                            "workspace",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="operations",
                                to="heartbeats.executionworkspace",
                            ),
                        ),
                        ("phase", models.CharField(max_length=40)),
                        ("command", models.TextField(blank=True, null=True)),
                        ("cwd", models.CharField(blank=True, max_length=1000, null=True)),
                        ("status", models.CharField(default="succeeded", max_length=16)),
                        ("exit_code", models.IntegerField(blank=True, null=True)),
                        ("started_at", models.DateTimeField()),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        ("output_excerpt", models.TextField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["started_at"],
                    },
                ),
            ],
        ),
    ]
