"""The answers of recovery's routes for the OpenAPI document, with the types of their models."""

from __future__ import annotations

from agents.api.describing import OBJECT, OBJECTS, Schema, list_of, object_of, or_null, row_of
from recovery.explain.answer import Standing, WaitsFor
from recovery.models import MassLossIncident, SweepRun, SweepState, WatchdogDecision

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": "string", "nullable": True}
MOMENT_OR_NULL: Schema = {"type": "string", "format": "date-time", "nullable": True}
NUMBER: Schema = {"type": "number"}

DECISION = row_of(
    "WatchdogDecision",
    WatchdogDecision,
    (
        *("id", "company_id", "run_id", "evaluation_issue_id", "decision", "snoozed_until", "reason"),
        *("created_by_agent_id", "created_by_user_id", "created_by_run_id", "created_at"),
    ),
)
SWEEP_RUN = row_of(
    "SweepRun",
    SweepRun,
    ("id", "outcome", "host", "started_at", "finished_at", "looked_at", "acted", "failed", "counts", "error"),
)
SWEEP = row_of(
    "Sweep",
    SweepState,
    ("sweep", "enabled", "last_started_at", "last_succeeded_at", "last_seconds", "last_error"),
    periodSeconds=NUMBER,
    latestRun=or_null(SWEEP_RUN),
)
SWEEP_REPORT = object_of(
    "SweepReport",
    sweep=TEXT,
    outcome=TEXT,
    startedAt=MOMENT_OR_NULL,
    seconds=NUMBER,
    counts=OBJECT,
    error=TEXT_OR_NULL,
    skippedBecause=TEXT_OR_NULL,
    skipped=OBJECT,
    details=OBJECT,
)
MASS_LOSS = row_of(
    "MassLossIncident",
    MassLossIncident,
    ("id", "status", "opened_at", "closed_at", "live_leases", "due_leases", "released"),
    confirmedByUserId={"type": "string", "format": "uuid", "nullable": True},
)
ATTENTION = object_of(
    "AttentionItem", kind=TEXT, what=TEXT, why=TEXT, since=MOMENT_OR_NULL, action=TEXT_OR_NULL, url=TEXT_OR_NULL
)
EXPLANATION = object_of(
    "Explanation",
    standing={"type": "string", "enum": [word.value for word in Standing]},
    code=TEXT,
    text=TEXT,
    waitsFor={"type": "string", "enum": [word.value for word in WaitsFor]},
    since=MOMENT_OR_NULL,
    until=MOMENT_OR_NULL,
    notes=list_of(TEXT),
)
EXPERIMENTAL = object_of(
    "ExperimentalSettings",
    enableIssueGraphLivenessAutoRecovery={"type": "boolean"},
    issueGraphLivenessAutoRecoveryLookbackHours={"type": "integer"},
)
FINDINGS = object_of(
    "GraphPreview",
    lookbackHours=NUMBER,
    findings=OBJECTS,
    recoverableFindings=NUMBER,
    existingEscalations=NUMBER,
    skippedOutsideLookback=NUMBER,
)
RECONCILED = object_of("GraphReconciled", lookbackHours=NUMBER, escalationsCreated=NUMBER, existingEscalations=NUMBER)
