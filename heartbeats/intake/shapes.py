"""What agents send to the agent API, and what it answers (spec/1 C, D, F). The OpenAPI document is made from these."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from agents.errors import ReportedError
from agents.heartbeat_decision import REPORTABLE
from agents.vocabulary import ErrorSeverity, Presence
from config.common.wire.fields import NumberField, TextField, UserJSONField, WholeField
from config.common.wire.serializers import WireSerializer
from heartbeats.intake.current_task import CurrentTask
from heartbeats.intake.heartbeat import HeartbeatReport

MOST_MESSAGE = 4_096
MOST_CONTEXT = 16_384
MOST_ERRORS = 20
MOST_TASK_ID = 200
MOST_SUMMARY = 65_536
MOST_SESSION_ID = 500
MOST_SEQ = 2**31 - 1

PRESENCES = sorted(presence.value for presence in REPORTABLE)
HEARTBEAT_SEVERITIES = [ErrorSeverity.WARNING.value, ErrorSeverity.FATAL.value]
REPORT_SEVERITIES = [ErrorSeverity.WARNING.value, ErrorSeverity.ERROR.value, ErrorSeverity.FATAL.value]
STREAMS = ["stdout", "stderr", "system"]
OUTCOMES = ["running", "completed", "failed", "exhausted"]


class CurrentTaskBody(WireSerializer):
    """The run in hand."""

    task_id = TextField(min_length=1, max_length=MOST_TASK_ID)
    progress = NumberField(min_value=0)
    speed = NumberField()
    temperature = NumberField(required=False)


class HeartbeatErrorBody(WireSerializer):
    """An error that comes with a heartbeat. `context`: at most 16,384 characters of compact JSON."""

    severity = serializers.ChoiceField(choices=HEARTBEAT_SEVERITIES)
    message = TextField(min_length=1, max_length=MOST_MESSAGE)
    context = UserJSONField(required=False, max_characters=MOST_CONTEXT)  # type: ignore[assignment]


class HeartbeatBody(WireSerializer):
    """How an agent is. An error goes by heartbeat or by `POST errors`, never both.

    A fatal error makes the agent's presence `error` and fails the runs that it works on; until its next heartbeat
    without one, every other endpoint answers 401.
    """

    status = serializers.ChoiceField(choices=PRESENCES)
    capabilities = UserJSONField(required=False)
    device_info = UserJSONField(required=False)
    current_task = CurrentTaskBody(required=False)
    error = HeartbeatErrorBody(required=False)


class FailedTasksShape(WireSerializer):
    """How many runs a fatal error was to fail, and how many it did."""

    attempted = serializers.IntegerField(min_value=0)
    failed = serializers.IntegerField(min_value=0)


class HeartbeatAnswer(WireSerializer):
    """`nextHeartbeatSec` is when to call again; `stopTaskIds` are runs that are no longer the agent's to work on."""

    acknowledged = serializers.BooleanField()
    next_heartbeat_sec = serializers.FloatField()
    has_high_priority_tasks = serializers.BooleanField(required=False)
    stop_task_ids = serializers.ListField(child=serializers.CharField(), required=False)
    failed_tasks = FailedTasksShape(required=False)


class ErrorBody(WireSerializer):
    """An error that is only recorded. `context`: at most 16,384 characters of compact JSON."""

    severity = serializers.ChoiceField(choices=REPORT_SEVERITIES)
    message = TextField(min_length=1, max_length=MOST_MESSAGE)
    context = UserJSONField(required=False, max_characters=MOST_CONTEXT)  # type: ignore[assignment]
    task_id = TextField(required=False, min_length=1, max_length=MOST_TASK_ID)


class AcknowledgedShape(WireSerializer):
    """It was taken in."""

    acknowledged = serializers.BooleanField()


class TaskIssueShape(WireSerializer):
    """What the run is about."""

    id = serializers.UUIDField()
    identifier = serializers.CharField()
    title = serializers.CharField()
    status = serializers.CharField()
    priority = serializers.CharField()


class TaskShape(WireSerializer):
    """A run that is the agent's now, until its lease ends without a word. `attempt` counts from 1."""

    id = serializers.UUIDField()
    issue = TaskIssueShape(allow_null=True)
    wake_reason = serializers.CharField(allow_null=True)
    context = UserJSONField(allow_null=True)  # type: ignore[assignment]
    task_markdown = serializers.CharField(allow_null=True)
    status = serializers.CharField()
    attempt = serializers.IntegerField(min_value=1)
    lease_expires_at = serializers.DateTimeField()
    run_token = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class NextTaskAnswer(WireSerializer):
    """The next run, or null."""

    task = TaskShape(allow_null=True)


class ReportBody(WireSerializer):
    """How a run goes or went. `failed` retries it up to three times; its first error is the reason."""

    status = serializers.ChoiceField(choices=OUTCOMES)
    progress = UserJSONField(required=False)
    summary = TextField(required=False, allow_blank=True, max_length=MOST_SUMMARY)
    result = UserJSONField(required=False)
    usage = UserJSONField(required=False)
    session_id = TextField(required=False, min_length=1, max_length=MOST_SESSION_ID)
    cost_usd = NumberField(required=False, min_value=0, max_value=1e9)
    errors = serializers.ListField(  # type: ignore[assignment]
        child=TextField(allow_blank=True, max_length=MOST_MESSAGE), required=False, max_length=MOST_ERRORS
    )


class ReportAnswer(WireSerializer):
    """`retried` comes with `failed`: whether another run takes over."""

    acknowledged = serializers.BooleanField()
    retried = serializers.BooleanField(required=False)


class LogBody(WireSerializer):
    """A piece of output. `seq` counts up within the run; a piece that is already there is ignored."""

    stream = serializers.ChoiceField(choices=STREAMS)
    chunk = TextField(allow_blank=True)
    seq = WholeField(min_value=1, max_value=MOST_SEQ)


class RefusalShape(WireSerializer):
    """Why not. `action: stop` says that the run is not the agent's to work on any more."""

    code = serializers.CharField()
    message = serializers.CharField()
    action = serializers.ChoiceField(choices=["stop"], required=False)


class RefusalEnvelope(WireSerializer):
    """Every answer that is no."""

    error = RefusalShape()


def heartbeat_of(body: dict[str, Any]) -> HeartbeatReport:
    """The validated body of a heartbeat as a plain value."""
    task, error = body.get("current_task"), body.get("error")
    return HeartbeatReport(
        presence=Presence(body["status"]),
        capabilities=body.get("capabilities"),
        hardware=body.get("device_info"),
        current_task=CurrentTask(**task) if task else None,
        error=error_of(error) if error else None,
    )


def error_of(body: dict[str, Any]) -> ReportedError:
    """The validated body of an error as a plain value."""
    return ReportedError(ErrorSeverity(body["severity"]), body["message"], body.get("context", {}))
