from __future__ import annotations

import django.db.models.deletion
from config.common.migrations import Together
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("heartbeats", "0001_initial"),
        ("issues", "0002_thread_and_locks"),
    ]

    operations = [
        Together(
            [
                migrations.AddField(
                    model_name="wakeuprequest",
                    name="run",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="heartbeats.heartbeatrun",
                    ),
                ),
                migrations.AddField(
                    model_name="wakeuprequest",
                    name="wake_comment",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="issues.issuecomment",
                    ),
                ),
                migrations.AddField(
                    model_name="heartbeatrun",
                    name="wake_comment",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="issues.issuecomment",
                    ),
                ),
                migrations.AddField(
                    model_name="heartbeatrun",
                    name="issue_comment_satisfied_by_comment",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="issues.issuecomment",
                    ),
                ),
                migrations.AddIndex(
                    model_name="wakeuprequest",
                    index=models.Index(
                        condition=models.Q(("run__isnull", False)), fields=["run"], name="wakeup_by_run"
                    ),
                ),
            ],
        ),
    ]
