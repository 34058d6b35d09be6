"""The answers of the run routes for the OpenAPI document: the columns that are written, with their models' types."""

from __future__ import annotations

from agents.api.describing import OBJECT, Schema, object_of, or_null, row_of
from heartbeats.api import shapes
from heartbeats.models import (
    EnvironmentLease,
    HeartbeatRun,
    RunEvent,
    RuntimeState,
    TaskSession,
    WorkspaceOperation,
)
from issues.models import Issue

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": "string", "nullable": True}
ID: Schema = {"type": "string", "format": "uuid"}
ID_OR_NULL: Schema = {"type": "string", "format": "uuid", "nullable": True}
NUMBER: Schema = {"type": "integer"}
# An agent that never ran has a state, but no row yet.
MOMENT_OR_NULL: Schema = {"type": "string", "format": "date-time", "nullable": True}
MAYBE_OBJECT = or_null(OBJECT)
LEASE_COLUMNS = ("id", "provider", "status", "workspace_id", "acquired_at", "released_at", "failure_reason")
OPERATION_COLUMNS = (
    *("id", "company_id", "run_id", "workspace_id", "phase", "command", "cwd", "status", "exit_code"),
    *("started_at", "finished_at", "output_excerpt"),
)
_SINGLE = (
    *("stdout_excerpt", "stderr_excerpt", "issue_id", "wake_reason", "epoch", "executor_host", "lease_expires_at"),
    *("issue_comment_status", "issue_comment_satisfied_by_comment_id", "issue_comment_retry_queued_at"),
)
_FLAG: Schema = {"type": "boolean"}

RUN = row_of("HeartbeatRun", HeartbeatRun, dict(shapes.RUN_COLUMNS), logCompressed=_FLAG)
RUN_DETAIL: Schema = {
    **RUN,
    "title": "HeartbeatRunDetail",
    "properties": {
        **RUN["properties"],
        **row_of("", HeartbeatRun, _SINGLE)["properties"],
        "retryExhaustedReason": TEXT_OR_NULL,
        "outputSilence": MAYBE_OBJECT,
        "agentName": TEXT,
        "adapterType": TEXT,
    },
}
SKIPPED = object_of(
    "WakeupSkipped",
    status={"type": "string", "enum": ["skipped"]},
    reason=TEXT,
    message=TEXT,
    issueId=ID_OR_NULL,
    executionRunId=ID_OR_NULL,
    executionAgentId=ID_OR_NULL,
    executionAgentName=TEXT_OR_NULL,
)
RUN_OR_SKIPPED: Schema = {"oneOf": [RUN_DETAIL, SKIPPED]}
LIVE_RUN = row_of("LiveRun", HeartbeatRun, dict(shapes.LIVE_COLUMNS), outputSilence=MAYBE_OBJECT)
ISSUE_RUN = object_of(
    "IssueRun",
    **{
        **{name: RUN["properties"][name] for name in shapes.ISSUE_RUN_NAMES},
        "runId": ID,
        "adapterType": TEXT,
        "resultJson": MAYBE_OBJECT,
        "contextSnapshot": MAYBE_OBJECT,
        "environment": MAYBE_OBJECT,
        "environmentLease": or_null(row_of("EnvironmentLease", EnvironmentLease, LEASE_COLUMNS)),
        "retryExhaustedReason": TEXT_OR_NULL,
    },
)
EVENT = row_of(
    "RunEvent",
    RunEvent,
    (*("company_id", "run_id", "agent_id", "seq", "event_type", "stream", "level", "color", "message"), "created_at"),
    id=NUMBER,
    payload=MAYBE_OBJECT,
)
LOG_PAGE = object_of(
    "RunLogPage", runId=ID, store=TEXT_OR_NULL, logRef=TEXT_OR_NULL, content=TEXT, nextOffset=NUMBER, endOffset=NUMBER
)
TOUCHED = row_of("TouchedIssue", Issue, ("identifier", "title", "status", "priority"), issueId=ID)
OPERATION = row_of("WorkspaceOperation", WorkspaceOperation, OPERATION_COLUMNS)
TASK_SESSION = row_of(
    "AgentTaskSession",
    TaskSession,
    (
        *("id", "company_id", "agent_id", "adapter_type", "task_key", "session_display_id", "last_run_id"),
        *("last_error", "created_at", "updated_at"),
    ),
    sessionParamsJson=MAYBE_OBJECT,
)
RUNTIME_STATE = row_of(
    "AgentRuntimeState",
    RuntimeState,
    (
        *("agent_id", "company_id", "adapter_type", "session_id", "last_run_id", "last_run_status"),
        *("total_input_tokens", "total_output_tokens", "total_cached_input_tokens", "total_cost_cents"),
        "last_error",
    ),
    createdAt=MOMENT_OR_NULL,
    updatedAt=MOMENT_OR_NULL,
    stateJson=OBJECT,
    sessionDisplayId=TEXT_OR_NULL,
    sessionParamsJson=MAYBE_OBJECT,
    clearedTaskSessions=NUMBER,
)
