"""Runs on the wire (spec/4 section 3). Rows are plain values: the list of runs is polled five times a second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework import serializers

from config.common.wire.camel import opaque
from config.common.wire.fields import FlagField, TextField, UserJSONField
from config.common.wire.serializers import WireSerializer
from heartbeats.models import HeartbeatRun
from heartbeats.runs.results import full_view, issue_list_view, list_view
from heartbeats.vocabulary import TriggerDetail, WakeupSource

CONTEXT_KEYS = (
    "issueId",
    "taskId",
    "taskKey",
    "commentId",
    "wakeCommentId",
    "wakeReason",
    "wakeSource",
    "wakeTriggerDetail",
)

# (wire name, column) in the order of the contract; what a list leaves out is in SINGLE_ONLY.
RUN_COLUMNS: tuple[tuple[str, str], ...] = (
    ("id", "id"),
    ("companyId", "company_id"),
    ("agentId", "agent_id"),
    ("invocationSource", "invocation_source"),
    ("triggerDetail", "trigger_detail"),
    ("status", "status"),
    ("startedAt", "started_at"),
    ("finishedAt", "finished_at"),
    ("error", "error"),
    ("wakeupRequestId", "wakeup_id"),
    ("exitCode", "exit_code"),
    ("signal", "signal"),
    ("usageJson", "usage"),
    ("resultJson", "result"),
    ("sessionIdBefore", "session_id_before"),
    ("sessionIdAfter", "session_id_after"),
    ("logStore", "log_store"),
    ("logRef", "log_ref"),
    ("logBytes", "log_bytes"),
    ("logSha256", "log_sha256"),
    ("errorCode", "error_code"),
    ("externalRunId", "external_run_id"),
    ("processPid", "process_pid"),
    ("processGroupId", "process_group_id"),
    ("processStartedAt", "process_started_at"),
    ("lastOutputAt", "last_output_at"),
    ("lastOutputSeq", "last_output_seq"),
    ("lastOutputStream", "last_output_stream"),
    ("lastOutputBytes", "last_output_bytes"),
    ("retryOfRunId", "retry_of_run_id"),
    ("processLossRetryCount", "process_loss_retry_count"),
    ("scheduledRetryAt", "scheduled_retry_at"),
    ("scheduledRetryAttempt", "scheduled_retry_attempt"),
    ("scheduledRetryReason", "retry_reason"),
    ("livenessState", "liveness_state"),
    ("livenessReason", "liveness_reason"),
    ("continuationAttempt", "continuation_attempt"),
    ("lastUsefulActionAt", "last_useful_action_at"),
    ("nextAction", "next_action"),
    ("contextSnapshot", "context"),
    ("createdAt", "created_at"),
    ("updatedAt", "updated_at"),
)
LIVE_COLUMNS: tuple[tuple[str, str], ...] = (
    ("id", "id"),
    ("companyId", "company_id"),
    ("status", "status"),
    ("invocationSource", "invocation_source"),
    ("triggerDetail", "trigger_detail"),
    ("startedAt", "started_at"),
    ("finishedAt", "finished_at"),
    ("createdAt", "created_at"),
    ("agentId", "agent_id"),
    ("agentName", "agent__name"),
    ("adapterType", "adapter_type"),
    ("logBytes", "log_bytes"),
    ("livenessState", "liveness_state"),
    ("livenessReason", "liveness_reason"),
    ("continuationAttempt", "continuation_attempt"),
    ("lastUsefulActionAt", "last_useful_action_at"),
    ("nextAction", "next_action"),
    ("lastOutputAt", "last_output_at"),
    ("lastOutputSeq", "last_output_seq"),
    ("lastOutputStream", "last_output_stream"),
    ("lastOutputBytes", "last_output_bytes"),
    ("processStartedAt", "process_started_at"),
    ("issueId", "issue_id"),
)
ISSUE_RUN_NAMES = (
    "status", "agentId", "startedAt", "finishedAt", "createdAt", "invocationSource", "usageJson", "logBytes",
    "retryOfRunId", "scheduledRetryAt", "scheduledRetryAttempt", "scheduledRetryReason", "livenessState",
    "livenessReason", "continuationAttempt", "lastUsefulActionAt", "nextAction",
)  # fmt: skip
_SCHEDULED = "scheduledRetryReason"


def list_row(values: Iterable[Any]) -> dict[str, Any]:
    """A row of the run list from the values of RUN_COLUMNS: short result, short context, no excerpts."""
    row = dict(zip((name for name, _ in RUN_COLUMNS), values, strict=True))
    row["resultJson"] = list_view(row["resultJson"])
    row["contextSnapshot"] = short_context(row["contextSnapshot"])
    return _settled(row)


def single_run(run: HeartbeatRun) -> dict[str, Any]:
    """One run, whole."""
    row = {name: getattr(run, column) for name, column in RUN_COLUMNS}
    row["resultJson"] = full_view(run.result)
    row |= {
        "stdoutExcerpt": run.stdout_excerpt,
        "stderrExcerpt": run.stderr_excerpt,
        "issueId": run.issue_id,
        "wakeReason": run.wake_reason,
        "epoch": run.epoch,
        "executorHost": run.executor_host,
        "leaseExpiresAt": run.lease_expires_at,
        "issueCommentStatus": run.issue_comment_status,
        "issueCommentSatisfiedByCommentId": run.issue_comment_satisfied_by_comment_id,
        "issueCommentRetryQueuedAt": run.issue_comment_retry_queued_at,
    }
    settled = _settled(row)
    settled["stdoutExcerpt"], settled["stderrExcerpt"] = run.stdout_excerpt, run.stderr_excerpt
    return settled


def issue_run_row(run: HeartbeatRun) -> dict[str, Any]:
    """A row of `GET /issues/:id/runs`."""
    whole = single_run(run)
    return {
        "runId": run.id,
        **{name: whole[name] for name in ISSUE_RUN_NAMES},
        "adapterType": run.adapter_type,
        "resultJson": issue_list_view(run.result),
        "contextSnapshot": short_context(run.context),
        "environment": None,
        "environmentLease": None,
        "retryExhaustedReason": None,
    }


def short_context(context: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The keys of a context that lists show; None when it has none of them."""
    short = {key: context[key] for key in CONTEXT_KEYS if key in context} if context else {}
    return short or None


def _settled(row: dict[str, Any]) -> dict[str, Any]:
    row |= {"stdoutExcerpt": None, "stderrExcerpt": None, "logCompressed": False}
    if not row["scheduledRetryAttempt"]:
        row[_SCHEDULED] = None
    for name in ("usageJson", "resultJson", "contextSnapshot"):
        row[name] = opaque(row[name])
    return row


class WakeupBody(WireSerializer):
    """`POST /agents/:id/wakeup`."""

    wire_names = {"origin": "source"}

    origin = serializers.ChoiceField(choices=[word.value for word in WakeupSource], default=WakeupSource.ON_DEMAND)
    trigger_detail = serializers.ChoiceField(
        choices=[word.value for word in TriggerDetail], default=TriggerDetail.MANUAL
    )
    reason = TextField(required=False, allow_null=True, allow_blank=True, max_length=120)
    idempotency_key = TextField(required=False, allow_null=True, max_length=255)
    payload = UserJSONField(required=False, allow_null=True)
    force_fresh_session = FlagField(required=False, allow_null=True)


class ResetSessionBody(WireSerializer):
    """`POST /agents/:id/runtime-state/reset-session`."""

    task_key = TextField(required=False, allow_null=True, max_length=200)


class RunListQuery(WireSerializer):
    """Query of the run list. An unparsable limit means 200 (spec/4 3)."""

    agent_id = serializers.UUIDField(required=False)
    limit = serializers.CharField(required=False, allow_blank=True)


class LiveRunsQuery(WireSerializer):
    """Query of the live runs."""

    min_count = serializers.IntegerField(required=False, default=0, min_value=0, max_value=50)
    limit = serializers.IntegerField(required=False, default=0, min_value=0, max_value=50)


class EventsQuery(WireSerializer):
    """Query of a run's events."""

    after_seq = serializers.IntegerField(required=False, default=0, min_value=0, max_value=2**31 - 1)
    limit = serializers.IntegerField(required=False, default=200, min_value=1, max_value=1000)


class LogQuery(WireSerializer):
    """Query of a page of a run's log."""

    offset = serializers.IntegerField(required=False, default=0, min_value=0)
    limit_bytes = serializers.IntegerField(required=False, default=256_000, min_value=1, max_value=1_048_576)
