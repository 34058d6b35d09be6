"""Runs: one bounded execution of an agent each, with everything that was observed of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, Q, UniqueConstraint

from config.common.models import CompanyModel, choices_of, one_of
from heartbeats.vocabulary import (
    IssueCommentStatus,
    LivenessState,
    RetryReason,
    RunStatus,
    TriggerDetail,
    WakeupSource,
)

_LIVE = Q(status__in=list(RunStatus.LIVE))


class RunQuerySet(models.QuerySet["HeartbeatRun"]):
    """Sets of runs that have a name."""

    def live(self) -> RunQuerySet:
        """On an issue's execution path: queued, running or scheduled for a retry."""
        return self.filter(status__in=RunStatus.LIVE)

    def occupying(self) -> RunQuerySet:
        """Holding one of the agent's slots: running, or cancelled while its process is still being stopped."""
        return self.filter(Q(status=RunStatus.RUNNING) | Q(process_stopping=True))


class HeartbeatRun(CompanyModel):
    """One bounded execution of an agent (spec/2).

    `epoch` counts claims; every write on behalf of an execution names the epoch it was claimed under, so a late writer
    changes nothing. `process_stopping` is true between the cancellation of a running local run and the proof that its
    process group is gone. `context` is what is handed to the agent; nothing decides on it.
    """

    agent = models.ForeignKey("agents.Agent", on_delete=models.CASCADE, related_name="runs")
    issue = models.ForeignKey("issues.Issue", on_delete=models.SET_NULL, null=True, blank=True, related_name="runs")
    wakeup = models.ForeignKey(
        "heartbeats.WakeupRequest", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    invocation_source = models.CharField(max_length=16, choices=choices_of(WakeupSource))
    trigger_detail = models.CharField(max_length=16, choices=choices_of(TriggerDetail), null=True, blank=True)
    wake_reason = models.CharField(max_length=120, null=True, blank=True)
    wake_comment = models.ForeignKey(
        "issues.IssueComment", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    task_key = models.CharField(max_length=200, null=True, blank=True)
    context = models.JSONField(default=dict, blank=True)
    adapter_type = models.CharField(max_length=24)

    status = models.CharField(max_length=16, choices=choices_of(RunStatus), default=RunStatus.QUEUED)
    error = models.TextField(null=True, blank=True)
    error_code = models.CharField(max_length=120, null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)

    epoch = models.PositiveIntegerField(default=0)
    executor_host = models.CharField(max_length=200, null=True, blank=True)
    executor_boot_id = models.CharField(max_length=80, null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    supervisor_losses = models.PositiveSmallIntegerField(default=0)
    process_pid = models.IntegerField(null=True, blank=True)
    process_group_id = models.IntegerField(null=True, blank=True)
    process_start_ticks = models.BigIntegerField(null=True, blank=True)
    process_started_at = models.DateTimeField(null=True, blank=True)
    process_stopping = models.BooleanField(default=False)
    external_run_id = models.CharField(max_length=200, null=True, blank=True)
    progress = models.JSONField(null=True, blank=True)

    exit_code = models.IntegerField(null=True, blank=True)
    signal = models.CharField(max_length=24, null=True, blank=True)
    usage = models.JSONField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True)
    session_id_before = models.CharField(max_length=500, null=True, blank=True)
    session_id_after = models.CharField(max_length=500, null=True, blank=True)
    log_store = models.CharField(max_length=16, null=True, blank=True)
    log_ref = models.CharField(max_length=500, null=True, blank=True)
    log_bytes = models.BigIntegerField(null=True, blank=True)
    log_sha256 = models.CharField(max_length=64, null=True, blank=True)
    log_truncated_at = models.BigIntegerField(null=True, blank=True)
    stdout_excerpt = models.TextField(null=True, blank=True)
    stderr_excerpt = models.TextField(null=True, blank=True)
    last_output_at = models.DateTimeField(null=True, blank=True)
    last_output_seq = models.IntegerField(default=0)
    last_output_stream = models.CharField(max_length=8, null=True, blank=True)
    last_output_bytes = models.BigIntegerField(null=True, blank=True)
    event_seq = models.PositiveIntegerField(default=0)

    retry_of_run = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="retries")
    retry_reason = models.CharField(max_length=40, choices=choices_of(RetryReason), null=True, blank=True)
    process_loss_retry_count = models.PositiveSmallIntegerField(default=0)
    failure_retry_count = models.PositiveSmallIntegerField(default=0)
    scheduled_retry_at = models.DateTimeField(null=True, blank=True)
    scheduled_retry_attempt = models.PositiveSmallIntegerField(default=0)
    continuation_attempt = models.PositiveSmallIntegerField(default=0)

    issue_comment_status = models.CharField(
        max_length=16, choices=choices_of(IssueCommentStatus), default=IssueCommentStatus.NOT_APPLICABLE
    )
    issue_comment_satisfied_by_comment = models.ForeignKey(
        "issues.IssueComment", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    issue_comment_retry_queued_at = models.DateTimeField(null=True, blank=True)
    liveness_state = models.CharField(max_length=20, choices=choices_of(LivenessState), null=True, blank=True)
    liveness_reason = models.CharField(max_length=500, null=True, blank=True)
    last_useful_action_at = models.DateTimeField(null=True, blank=True)
    next_action = models.CharField(max_length=500, null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        verbose_name = "run"
        ordering = ["-created_at"]
        constraints = [
            one_of("status", RunStatus, name="run_status_known"),
            one_of("invocation_source", WakeupSource, name="run_source_known"),
            one_of("trigger_detail", TriggerDetail, name="run_trigger_known", null=True),
            one_of("retry_reason", RetryReason, name="run_retry_reason_known", null=True),
            one_of("liveness_state", LivenessState, name="run_liveness_known", null=True),
            one_of("issue_comment_status", IssueCommentStatus, name="run_comment_status_known"),
            UniqueConstraint(fields=["issue"], condition=_LIVE & Q(issue__isnull=False), name="run_one_live_per_issue"),
            models.CheckConstraint(condition=_LIVE | Q(finished_at__isnull=False), name="run_terminal_has_finished_at"),
            models.CheckConstraint(
                condition=~Q(status=RunStatus.SCHEDULED_RETRY) | Q(scheduled_retry_at__isnull=False),
                name="run_scheduled_retry_has_due_time",
            ),
            models.CheckConstraint(
                condition=~Q(status=RunStatus.RUNNING) | Q(started_at__isnull=False, lease_expires_at__isnull=False),
                name="run_running_has_lease",
            ),
        ]
        indexes = [
            Index(fields=["company", "-created_at"], name="run_newest"),
            Index(fields=["agent", "-created_at"], name="run_newest_of_agent"),
            Index(fields=["issue", "-created_at"], name="run_newest_of_issue", condition=Q(issue__isnull=False)),
            Index(fields=["agent", "status"], name="run_live_of_agent", condition=_LIVE),
            Index(fields=["company", "status"], name="run_live_of_company", condition=_LIVE),
            Index(fields=["created_at"], name="run_waiting", condition=Q(status="queued")),
            Index(fields=["scheduled_retry_at"], name="run_retry_due", condition=Q(status="scheduled_retry")),
            Index(fields=["lease_expires_at"], name="run_lease_due", condition=Q(status="running")),
            Index(fields=["last_output_at"], name="run_silent_since", condition=Q(status="running")),
            Index(
                fields=["executor_host"], name="run_on_host", condition=Q(status="running") | Q(process_stopping=True)
            ),
            Index(fields=["retry_of_run"], name="run_retries", condition=Q(retry_of_run__isnull=False)),
            Index(
                fields=["agent", "session_id_after", "-created_at"],
                name="run_of_session",
                condition=Q(session_id_after__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"run {str(self.id)[:8]} ({self.status})"


class RunEvent(models.Model):
    """One thing that happened to a run; `seq` counts from 1 within the run."""

    id = models.BigAutoField(primary_key=True)
    company = models.ForeignKey("agents.Company", on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(HeartbeatRun, on_delete=models.CASCADE, related_name="events")
    agent = models.ForeignKey("agents.Agent", on_delete=models.CASCADE, related_name="+")
    seq = models.PositiveIntegerField()
    event_type = models.CharField(max_length=60)
    stream = models.CharField(max_length=8, null=True, blank=True)
    level = models.CharField(max_length=8, null=True, blank=True)
    color = models.CharField(max_length=24, null=True, blank=True)
    message = models.TextField(null=True, blank=True)
    payload = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["seq"]
        constraints = [UniqueConstraint(fields=["run", "seq"], name="run_event_seq_once")]

    def __str__(self) -> str:
        return f"{self.seq} {self.event_type}"


class LateReport(CompanyModel):
    """What a stale execution tried to write after its epoch was over: kept for people, applied never (spec/6 G2)."""

    run = models.ForeignKey(HeartbeatRun, on_delete=models.CASCADE, related_name="late_reports")
    epoch = models.PositiveIntegerField()
    current_epoch = models.PositiveIntegerField()
    origin = models.CharField(max_length=40)
    payload = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.origin} of epoch {self.epoch}, now {self.current_epoch}"
