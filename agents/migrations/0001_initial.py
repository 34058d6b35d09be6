from __future__ import annotations

import agents.vocabulary
import config.common.models
import django.contrib.auth.models
import django.contrib.auth.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from config.common.migrations import Together
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        Together(
            [
                migrations.CreateModel(
                    name="Company",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=config.common.models.uuid7, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        ("name", models.CharField(max_length=200)),
                        ("description", models.TextField(blank=True, null=True)),
                        (
                            "status",
                            models.CharField(
                                choices=[("active", "active"), ("paused", "paused"), ("archived", "archived")],
                                default=agents.vocabulary.CompanyStatus["ACTIVE"],
                                max_length=16,
                            ),
                        ),
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
                        ("issue_prefix", models.CharField(max_length=16, unique=True)),
                        ("issue_counter", models.PositiveIntegerField(default=0)),
                        ("budget_monthly_cents", models.BigIntegerField(default=0)),
                        ("spent_monthly_cents", models.BigIntegerField(default=0)),
                        ("attachment_max_bytes", models.BigIntegerField(default=26214400)),
                        ("require_board_approval_for_new_agents", models.BooleanField(default=False)),
                        ("brand_color", models.CharField(blank=True, max_length=7, null=True)),
                    ],
                    options={
                        "verbose_name_plural": "companies",
                        "ordering": ["name"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("status__in", ["active", "archived", "paused"])),
                                name="company_status_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("budget_monthly_cents__gte", 0)), name="company_budget_not_negative"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="User",
                    fields=[
                        ("password", models.CharField(max_length=128, verbose_name="password")),
                        ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                        (
                            "is_superuser",
                            models.BooleanField(
                                default=False,
                                help_text="Designates that this user has all permissions without explicitly assigning them.",
                                verbose_name="superuser status",
                            ),
                        ),
                        (
                            "username",
                            models.CharField(
                                error_messages={"unique": "A user with that username already exists."},
                                help_text="Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.",
                                max_length=150,
                                unique=True,
                                validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                                verbose_name="username",
                            ),
                        ),
                        ("first_name", models.CharField(blank=True, max_length=150, verbose_name="first name")),
                        ("last_name", models.CharField(blank=True, max_length=150, verbose_name="last name")),
                        ("email", models.EmailField(blank=True, max_length=254, verbose_name="email address")),
                        (
                            "is_staff",
                            models.BooleanField(
                                default=False,
                                help_text="Designates whether the user can log into this admin site.",
                                verbose_name="staff status",
                            ),
                        ),
                        (
                            "is_active",
                            models.BooleanField(
                                default=True,
                                help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
                                verbose_name="active",
                            ),
                        ),
                        (
                            "date_joined",
                            models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined"),
                        ),
                        (
                            "id",
                            models.UUIDField(
                                default=config.common.models.uuid7, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "groups",
                            models.ManyToManyField(
                                blank=True,
                                help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                                related_name="user_set",
                                related_query_name="user",
                                to="auth.group",
                                verbose_name="groups",
                            ),
                        ),
                        (
                            "user_permissions",
                            models.ManyToManyField(
                                blank=True,
                                help_text="Specific permissions for this user.",
                                related_name="user_set",
                                related_query_name="user",
                                to="auth.permission",
                                verbose_name="user permissions",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "user",
                        "verbose_name_plural": "users",
                        "abstract": False,
                    },
                    managers=[
                        ("objects", django.contrib.auth.models.UserManager()),
                    ],
                ),
                migrations.CreateModel(
                    name="Member",
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
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="memberships",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("owner", "owner"),
                                    ("admin", "admin"),
                                    ("member", "member"),
                                    ("viewer", "viewer"),
                                ],
                                default=agents.vocabulary.MemberRole["MEMBER"],
                                max_length=16,
                            ),
                        ),
                        ("is_active", models.BooleanField(default=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("company", "user"), name="member_once_per_company"),
                            models.CheckConstraint(
                                condition=models.Q(("role__in", ["admin", "member", "owner", "viewer"])),
                                name="member_role_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Agent",
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
                        ("url_key", models.CharField(max_length=200)),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("ceo", "ceo"),
                                    ("cto", "cto"),
                                    ("cmo", "cmo"),
                                    ("cfo", "cfo"),
                                    ("security", "security"),
                                    ("engineer", "engineer"),
                                    ("designer", "designer"),
                                    ("pm", "pm"),
                                    ("qa", "qa"),
                                    ("devops", "devops"),
                                    ("researcher", "researcher"),
                                    ("general", "general"),
                                ],
                                default=agents.vocabulary.AgentRole["GENERAL"],
                                max_length=16,
                            ),
                        ),
                        ("title", models.CharField(blank=True, max_length=200, null=True)),
                        ("icon", models.CharField(blank=True, max_length=64, null=True)),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("active", "active"),
                                    ("idle", "idle"),
                                    ("running", "running"),
                                    ("error", "error"),
                                    ("paused", "paused"),
                                    ("pending_approval", "pending approval"),
                                    ("terminated", "terminated"),
                                ],
                                default=agents.vocabulary.AgentStatus["IDLE"],
                                max_length=20,
                            ),
                        ),
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
                        (
                            "reports_to",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="reports",
                                to="agents.agent",
                            ),
                        ),
                        ("capabilities", models.TextField(blank=True, null=True)),
                        (
                            "presence",
                            models.CharField(
                                choices=[
                                    ("offline", "offline"),
                                    ("online", "online"),
                                    ("busy", "busy"),
                                    ("error", "error"),
                                    ("benchmarked", "benchmarked"),
                                ],
                                default=agents.vocabulary.Presence["OFFLINE"],
                                max_length=12,
                            ),
                        ),
                        ("presence_changed_at", models.DateTimeField(blank=True, null=True)),
                        ("last_seen_at", models.DateTimeField(blank=True, null=True)),
                        ("reported_capabilities", models.JSONField(blank=True, default=dict)),
                        ("hardware", models.JSONField(blank=True, default=dict)),
                        (
                            "adapter_type",
                            models.CharField(
                                choices=[
                                    ("process", "process"),
                                    ("http", "http"),
                                    ("claude_local", "claude local"),
                                    ("codex_local", "codex local"),
                                    ("gemini_local", "gemini local"),
                                    ("cursor", "cursor"),
                                    ("opencode_local", "opencode local"),
                                    ("pi_local", "pi local"),
                                    ("hermes_local", "hermes local"),
                                    ("openclaw_gateway", "openclaw gateway"),
                                    ("remote", "remote"),
                                ],
                                default=agents.vocabulary.AdapterType["PROCESS"],
                                max_length=24,
                            ),
                        ),
                        ("adapter_config", models.JSONField(blank=True, default=dict)),
                        ("runtime_config", models.JSONField(blank=True, default=dict)),
                        ("host_label", models.CharField(blank=True, default="", max_length=64)),
                        ("heartbeat_enabled", models.BooleanField(default=False)),
                        ("wake_on_demand", models.BooleanField(default=True)),
                        ("max_concurrent_runs", models.PositiveSmallIntegerField(default=5)),
                        ("interval_sec", models.PositiveIntegerField(default=0)),
                        ("cooldown_sec", models.PositiveIntegerField(default=0)),
                        ("skip_timer_when_idle", models.BooleanField(default=False)),
                        ("timer_due_at", models.DateTimeField(blank=True, null=True)),
                        ("last_heartbeat_at", models.DateTimeField(blank=True, null=True)),
                        ("budget_monthly_cents", models.BigIntegerField(default=0)),
                        ("spent_monthly_cents", models.BigIntegerField(default=0)),
                        ("can_create_agents", models.BooleanField(default=False)),
                        ("metadata", models.JSONField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["name"],
                        "indexes": [
                            models.Index(fields=["company", "url_key"], name="agent_by_url_key"),
                            models.Index(fields=["company", "created_at"], name="agent_by_company"),
                            models.Index(
                                condition=models.Q(("timer_due_at__isnull", False)),
                                fields=["timer_due_at"],
                                name="agent_timer_due",
                            ),
                            models.Index(
                                condition=models.Q(("presence", agents.vocabulary.Presence["OFFLINE"]), _negated=True),
                                fields=["last_seen_at"],
                                name="agent_may_be_silent",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "status__in",
                                        [
                                            "active",
                                            "error",
                                            "idle",
                                            "paused",
                                            "pending_approval",
                                            "running",
                                            "terminated",
                                        ],
                                    )
                                ),
                                name="agent_status_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("presence__in", ["benchmarked", "busy", "error", "offline", "online"])
                                ),
                                name="agent_presence_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "adapter_type__in",
                                        [
                                            "claude_local",
                                            "codex_local",
                                            "cursor",
                                            "gemini_local",
                                            "hermes_local",
                                            "http",
                                            "openclaw_gateway",
                                            "opencode_local",
                                            "pi_local",
                                            "process",
                                            "remote",
                                        ],
                                    )
                                ),
                                name="agent_adapter_type_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("max_concurrent_runs__range", (1, 10))), name="agent_slots_1_to_10"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("budget_monthly_cents__gte", 0)), name="agent_budget_not_negative"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("reports_to", models.F("id")), _negated=True),
                                name="agent_is_not_its_own_manager",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AgentGrant",
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
                                on_delete=django.db.models.deletion.CASCADE, related_name="grants", to="agents.agent"
                            ),
                        ),
                        (
                            "permission",
                            models.CharField(
                                choices=[
                                    ("agents:create", "agents:create"),
                                    ("environments:manage", "environments:manage"),
                                    ("users:invite", "users:invite"),
                                    ("users:manage_permissions", "users:manage permissions"),
                                    ("tasks:assign", "tasks:assign"),
                                    ("tasks:assign_scope", "tasks:assign scope"),
                                    ("tasks:manage_active_checkouts", "tasks:manage active checkouts"),
                                    ("joins:approve", "joins:approve"),
                                ],
                                max_length=40,
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("agent", "permission"), name="grant_once_per_agent"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "permission__in",
                                        [
                                            "agents:create",
                                            "environments:manage",
                                            "joins:approve",
                                            "tasks:assign",
                                            "tasks:assign_scope",
                                            "tasks:manage_active_checkouts",
                                            "users:invite",
                                            "users:manage_permissions",
                                        ],
                                    )
                                ),
                                name="grant_permission_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ConfigRevision",
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
                                related_name="config_revisions",
                                to="agents.agent",
                            ),
                        ),
                        ("before", models.JSONField()),
                        ("after", models.JSONField()),
                        ("changed_keys", models.JSONField(default=list)),
                        ("source", models.CharField(default="update", max_length=32)),
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
                        "ordering": ["-created_at"],
                        "indexes": [models.Index(fields=["agent", "-created_at"], name="config_revision_newest")],
                    },
                ),
                migrations.CreateModel(
                    name="AgentKey",
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
                                on_delete=django.db.models.deletion.CASCADE, related_name="keys", to="agents.agent"
                            ),
                        ),
                        ("name", models.CharField(default="default", max_length=200)),
                        ("prefix", models.CharField(max_length=16)),
                        ("key_hash", models.CharField(max_length=64, unique=True)),
                        ("last_used_at", models.DateTimeField(blank=True, null=True)),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-created_at"],
                    },
                ),
                migrations.CreateModel(
                    name="BoardKey",
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
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="board_keys",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("name", models.CharField(default="default", max_length=200)),
                        ("prefix", models.CharField(max_length=16)),
                        ("key_hash", models.CharField(max_length=64, unique=True)),
                        ("last_used_at", models.DateTimeField(blank=True, null=True)),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-created_at"],
                    },
                ),
                migrations.CreateModel(
                    name="Secret",
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
                        ("ciphertext", models.BinaryField()),
                        ("version", models.PositiveIntegerField(default=1)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("company", "name"), name="secret_name_once_per_company")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="IdempotencyRecord",
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
                        ("actor", models.CharField(max_length=80)),
                        ("route", models.CharField(max_length=200)),
                        ("key", models.CharField(max_length=255)),
                        ("request_hash", models.CharField(max_length=64)),
                        ("response_status", models.PositiveSmallIntegerField(blank=True, null=True)),
                        ("response_body", models.JSONField(blank=True, null=True)),
                    ],
                    options={
                        "indexes": [models.Index(fields=["created_at"], name="idempotency_by_age")],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("company", "actor", "route", "key"), name="idempotency_key_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Approval",
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
                            "type",
                            models.CharField(
                                choices=[
                                    ("hire_agent", "hire agent"),
                                    ("approve_ceo_strategy", "approve ceo strategy"),
                                    ("budget_override_required", "budget override required"),
                                    ("request_board_approval", "request board approval"),
                                ],
                                max_length=40,
                            ),
                        ),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("pending", "pending"),
                                    ("revision_requested", "revision requested"),
                                    ("approved", "approved"),
                                    ("rejected", "rejected"),
                                    ("cancelled", "cancelled"),
                                ],
                                default=agents.vocabulary.ApprovalStatus["PENDING"],
                                max_length=24,
                            ),
                        ),
                        ("payload", models.JSONField(blank=True, default=dict)),
                        (
                            "requested_by_agent",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="agents.agent",
                            ),
                        ),
                        (
                            "requested_by_user",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "decided_by_user",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("decision_note", models.TextField(blank=True, null=True)),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-created_at"],
                        "indexes": [models.Index(fields=["company", "status", "-created_at"], name="approval_waiting")],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "type__in",
                                        [
                                            "approve_ceo_strategy",
                                            "budget_override_required",
                                            "hire_agent",
                                            "request_board_approval",
                                        ],
                                    )
                                ),
                                name="approval_type_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "status__in",
                                        ["approved", "cancelled", "pending", "rejected", "revision_requested"],
                                    )
                                ),
                                name="approval_status_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ApprovalComment",
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
                            "approval",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="comments",
                                to="agents.approval",
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
                        ("body", models.TextField()),
                    ],
                    options={
                        "ordering": ["created_at"],
                    },
                ),
                migrations.CreateModel(
                    name="BudgetPolicy",
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
                            "scope_type",
                            models.CharField(
                                choices=[("company", "company"), ("agent", "agent"), ("project", "project")],
                                max_length=12,
                            ),
                        ),
                        ("scope_id", models.UUIDField()),
                        ("metric", models.CharField(default="billed_cents", max_length=24)),
                        (
                            "window_kind",
                            models.CharField(
                                choices=[("calendar_month_utc", "calendar month utc"), ("lifetime", "lifetime")],
                                default=agents.vocabulary.BudgetWindow["CALENDAR_MONTH_UTC"],
                                max_length=24,
                            ),
                        ),
                        ("amount", models.BigIntegerField()),
                        ("warn_percent", models.PositiveSmallIntegerField(default=80)),
                        ("hard_stop_enabled", models.BooleanField(default=True)),
                        ("notify_enabled", models.BooleanField(default=True)),
                        ("is_active", models.BooleanField(default=True)),
                    ],
                    options={
                        "verbose_name_plural": "budget policies",
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("company", "scope_type", "scope_id", "metric", "window_kind"),
                                name="budget_policy_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("scope_type__in", ["agent", "company", "project"])),
                                name="budget_scope_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("window_kind__in", ["calendar_month_utc", "lifetime"])),
                                name="budget_window_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("amount__gte", 0)), name="budget_amount_not_negative"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("warn_percent__range", (1, 99))), name="budget_warn_1_to_99"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="BudgetIncident",
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
                            "policy",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="incidents",
                                to="agents.budgetpolicy",
                            ),
                        ),
                        (
                            "scope_type",
                            models.CharField(
                                choices=[("company", "company"), ("agent", "agent"), ("project", "project")],
                                max_length=12,
                            ),
                        ),
                        ("scope_id", models.UUIDField()),
                        ("metric", models.CharField(default="billed_cents", max_length=24)),
                        (
                            "window_kind",
                            models.CharField(
                                choices=[("calendar_month_utc", "calendar month utc"), ("lifetime", "lifetime")],
                                max_length=24,
                            ),
                        ),
                        ("window_start", models.DateTimeField()),
                        ("window_end", models.DateTimeField(blank=True, null=True)),
                        (
                            "threshold_type",
                            models.CharField(choices=[("soft", "soft"), ("hard", "hard")], max_length=8),
                        ),
                        ("amount_limit", models.BigIntegerField()),
                        ("amount_observed", models.BigIntegerField()),
                        (
                            "status",
                            models.CharField(
                                choices=[("open", "open"), ("resolved", "resolved"), ("dismissed", "dismissed")],
                                default=agents.vocabulary.IncidentStatus["OPEN"],
                                max_length=12,
                            ),
                        ),
                        (
                            "approval",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="agents.approval",
                            ),
                        ),
                        ("resolved_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-created_at"],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("status", agents.vocabulary.IncidentStatus["OPEN"])),
                                fields=("policy", "threshold_type", "window_start"),
                                name="budget_incident_open_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("threshold_type__in", ["hard", "soft"])),
                                name="budget_threshold_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("status__in", ["dismissed", "open", "resolved"])),
                                name="budget_incident_status_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="LiveEvent",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "company",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.company"
                            ),
                        ),
                        (
                            "type",
                            models.CharField(
                                choices=[
                                    ("heartbeat.run.queued", "heartbeat.run.queued"),
                                    ("heartbeat.run.status", "heartbeat.run.status"),
                                    ("heartbeat.run.event", "heartbeat.run.event"),
                                    ("heartbeat.run.log", "heartbeat.run.log"),
                                    ("agent.status", "agent.status"),
                                    ("agent.error", "agent.error"),
                                    ("activity.logged", "activity.logged"),
                                    ("issue.changed", "issue.changed"),
                                    ("recovery.sweep", "recovery.sweep"),
                                ],
                                max_length=40,
                            ),
                        ),
                        ("payload", models.JSONField()),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("seq", models.PositiveBigIntegerField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["id"],
                        "indexes": [
                            models.Index(
                                condition=models.Q(("seq__isnull", True)), fields=["id"], name="live_event_unsent"
                            ),
                            models.Index(fields=["created_at"], name="live_event_by_age"),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "type__in",
                                        [
                                            "activity.logged",
                                            "agent.error",
                                            "agent.status",
                                            "heartbeat.run.event",
                                            "heartbeat.run.log",
                                            "heartbeat.run.queued",
                                            "heartbeat.run.status",
                                            "issue.changed",
                                            "recovery.sweep",
                                        ],
                                    )
                                ),
                                name="live_event_type_known",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("seq__isnull", False)),
                                fields=("company", "seq"),
                                name="live_seq_once_per_company",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="LiveFeed",
                    fields=[
                        (
                            "company",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="+",
                                serialize=False,
                                to="agents.company",
                            ),
                        ),
                        ("last_seq", models.PositiveBigIntegerField(default=0)),
                        ("pushed_seq", models.PositiveBigIntegerField(default=0)),
                    ],
                ),
            ],
        ),
    ]
