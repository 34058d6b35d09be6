"""What an agent remembers between runs."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, UniqueConstraint

from config.common.models import CompanyModel


class TaskSession(CompanyModel):
    """The adapter's session for one task of one agent (spec/2 I)."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.CASCADE, related_name="task_sessions")
    adapter_type = models.CharField(max_length=24)
    task_key = models.CharField(max_length=200)
    session_params = models.JSONField(null=True, blank=True)
    session_display_id = models.CharField(max_length=128, null=True, blank=True)
    last_run = models.ForeignKey(
        "heartbeats.HeartbeatRun", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    last_error = models.TextField(null=True, blank=True)

    class Meta:
        ordering = ["-updated_at"]
        constraints = [UniqueConstraint(fields=["agent", "adapter_type", "task_key"], name="task_session_once")]
        indexes = [Index(fields=["agent", "-updated_at"], name="task_session_newest")]

    def __str__(self) -> str:
        return f"{self.task_key}: {self.session_display_id}"


class RuntimeState(CompanyModel):
    """An agent's totals and the session it uses where no task names one."""

    agent = models.OneToOneField("agents.Agent", on_delete=models.CASCADE, related_name="runtime_state")
    adapter_type = models.CharField(max_length=24)
    session_id = models.CharField(max_length=500, null=True, blank=True)
    state = models.JSONField(default=dict, blank=True)
    last_run = models.ForeignKey(
        "heartbeats.HeartbeatRun", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    last_run_status = models.CharField(max_length=16, null=True, blank=True)
    total_input_tokens = models.BigIntegerField(default=0)
    total_output_tokens = models.BigIntegerField(default=0)
    total_cached_input_tokens = models.BigIntegerField(default=0)
    total_cost_cents = models.BigIntegerField(default=0)
    last_error = models.TextField(null=True, blank=True)

    class Meta:
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return f"state of {self.agent_id}"
