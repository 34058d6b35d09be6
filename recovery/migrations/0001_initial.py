from __future__ import annotations

import config.common.models
import django.db.models.deletion
import recovery.vocabulary
from django.conf import settings
from config.common.migrations import Together
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("agents", "0002_journal_and_errors"),
        ("heartbeats", "0002_wake_comments"),
        ("issues", "0002_thread_and_locks"),
    ]

    operations = [
        Together(
            [
                migrations.CreateModel(
                    name="SweepRun",
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
                            "sweep",
                            models.CharField(
                                choices=[
                                    ("reap_orphans", "reap orphans"),
                                    ("promote_retries", "promote retries"),
                                    ("dispatch_queued", "dispatch queued"),
                                    ("reconcile_stranded", "reconcile stranded"),
                                    ("scan_silent_runs", "scan silent runs"),
                                    ("graph_liveness", "graph liveness"),
                                    ("tick_timers", "tick timers"),
                                    ("silent_agents", "silent agents"),
                                    ("prune", "prune"),
                                ],
                                max_length=32,
                            ),
                        ),
                        (
                            "outcome",
                            models.CharField(
                                choices=[
                                    ("running", "running"),
                                    ("done", "done"),
                                    ("failed", "failed"),
                                    ("skipped", "skipped"),
                                ],
                                default=recovery.vocabulary.SweepOutcome["RUNNING"],
                                max_length=8,
                            ),
                        ),
                        ("dry_run", models.BooleanField(default=False)),
                        ("host", models.CharField(blank=True, default="", max_length=200)),
                        ("started_at", models.DateTimeField()),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        ("looked_at", models.PositiveIntegerField(default=0)),
                        ("acted", models.PositiveIntegerField(default=0)),
                        ("failed", models.PositiveIntegerField(default=0)),
                        ("counts", models.JSONField(blank=True, default=dict)),
                        ("report", models.JSONField(blank=True, default=dict)),
                        ("error", models.TextField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-started_at"],
                        "indexes": [models.Index(fields=["sweep", "-started_at"], name="sweep_run_newest")],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "sweep__in",
                                        [
                                            "dispatch_queued",
                                            "graph_liveness",
                                            "promote_retries",
                                            "prune",
                                            "reap_orphans",
                                            "reconcile_stranded",
                                            "scan_silent_runs",
                                            "silent_agents",
                                            "tick_timers",
                                        ],
                                    )
                                ),
                                name="sweep_run_name_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("outcome__in", ["done", "failed", "running", "skipped"])),
                                name="sweep_run_outcome_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SweepState",
                    fields=[
                        (
                            "sweep",
                            models.CharField(
                                choices=[
                                    ("reap_orphans", "reap orphans"),
                                    ("promote_retries", "promote retries"),
                                    ("dispatch_queued", "dispatch queued"),
                                    ("reconcile_stranded", "reconcile stranded"),
                                    ("scan_silent_runs", "scan silent runs"),
                                    ("graph_liveness", "graph liveness"),
                                    ("tick_timers", "tick timers"),
                                    ("silent_agents", "silent agents"),
                                    ("prune", "prune"),
                                ],
                                max_length=32,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("enabled", models.BooleanField(default=True)),
                        ("last_started_at", models.DateTimeField(blank=True, null=True)),
                        ("last_succeeded_at", models.DateTimeField(blank=True, null=True)),
                        ("last_error", models.TextField(blank=True, null=True)),
                        ("last_seconds", models.FloatField(blank=True, null=True)),
                        ("late_in_a_row", models.PositiveIntegerField(default=0)),
                    ],
                    options={
                        "ordering": ["sweep"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "sweep__in",
                                        [
                                            "dispatch_queued",
                                            "graph_liveness",
                                            "promote_retries",
                                            "prune",
                                            "reap_orphans",
                                            "reconcile_stranded",
                                            "scan_silent_runs",
                                            "silent_agents",
                                            "tick_timers",
                                        ],
                                    )
                                ),
                                name="sweep_state_name_known",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PoisonRow",
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
                            "sweep",
                            models.CharField(
                                choices=[
                                    ("reap_orphans", "reap orphans"),
                                    ("promote_retries", "promote retries"),
                                    ("dispatch_queued", "dispatch queued"),
                                    ("reconcile_stranded", "reconcile stranded"),
                                    ("scan_silent_runs", "scan silent runs"),
                                    ("graph_liveness", "graph liveness"),
                                    ("tick_timers", "tick timers"),
                                    ("silent_agents", "silent agents"),
                                    ("prune", "prune"),
                                ],
                                max_length=32,
                            ),
                        ),
                        ("row_id", models.UUIDField()),
                        ("failures", models.PositiveIntegerField(default=1)),
                        ("retry_at", models.DateTimeField()),
                        ("error", models.TextField()),
                    ],
                    options={
                        "ordering": ["-updated_at"],
                        "constraints": [
                            models.UniqueConstraint(fields=("sweep", "row_id"), name="poison_row_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "sweep__in",
                                        [
                                            "dispatch_queued",
                                            "graph_liveness",
                                            "promote_retries",
                                            "prune",
                                            "reap_orphans",
                                            "reconcile_stranded",
                                            "scan_silent_runs",
                                            "silent_agents",
                                            "tick_timers",
                                        ],
                                    )
                                ),
                                name="poison_row_sweep_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="MassLossIncident",
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
                            "status",
                            models.CharField(
                                choices=[("open", "open"), ("confirmed", "confirmed"), ("closed", "closed")],
                                default=recovery.vocabulary.MassLossStatus["OPEN"],
                                max_length=12,
                            ),
                        ),
                        ("opened_at", models.DateTimeField()),
                        ("closed_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "confirmed_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("live_leases", models.PositiveIntegerField()),
                        ("due_leases", models.PositiveIntegerField()),
                        ("released", models.PositiveIntegerField(default=0)),
                        ("last_released_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-opened_at"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("status__in", ["closed", "confirmed", "open"])),
                                name="mass_loss_status_known",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("status", "open")),
                                fields=("status",),
                                name="mass_loss_one_open",
                                nulls_distinct=False,
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RecoverySettings",
                    fields=[
                        ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                        ("graph_liveness_auto_recovery", models.BooleanField(default=False)),
                        ("graph_liveness_lookback_hours", models.PositiveSmallIntegerField(default=24)),
                    ],
                    options={
                        "verbose_name_plural": "recovery settings",
                        "constraints": [
                            models.CheckConstraint(condition=models.Q(("id", 1)), name="recovery_settings_one_row"),
                            models.CheckConstraint(
                                condition=models.Q(("graph_liveness_lookback_hours__range", (1, 720))),
                                name="recovery_lookback_1_to_720",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="WatchdogDecision",
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
                                related_name="watchdog_decisions",
                                to="heartbeats.heartbeatrun",
                            ),
                        ),
                        (
                            "evaluation_issue",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="issues.issue",
                            ),
                        ),
                        (
                            "decision",
                            models.CharField(
                                choices=[
                                    ("snooze", "snooze"),
                                    ("continue", "continue"),
                                    ("dismissed_false_positive", "dismissed false positive"),
                                ],
                                max_length=32,
                            ),
                        ),
                        ("snoozed_until", models.DateTimeField(blank=True, null=True)),
                        ("reason", models.TextField(blank=True, null=True)),
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
                    ],
                    options={
                        "ordering": ["-created_at"],
                        "indexes": [models.Index(fields=["run", "-created_at"], name="watchdog_decision_newest")],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("decision__in", ["continue", "dismissed_false_positive", "snooze"])
                                ),
                                name="watchdog_decision_known",
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
