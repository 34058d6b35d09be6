"""Addresses of recovery, under `/api/`."""

from __future__ import annotations

from django.urls import path

from recovery.api import experimental, explaining, sweeps, watchdog

_GRAPH = "instance/settings/experimental/issue-graph-liveness-auto-recovery"

urlpatterns = [
    path("issues/<str:ref>/explain", explaining.ExplainIssue.as_view(), name="api-issue-explain"),
    path("heartbeat-runs/<str:run_id>/explain", explaining.ExplainRun.as_view(), name="api-run-explain"),
    path("agents/<str:ref>/explain", explaining.ExplainAgent.as_view(), name="api-agent-explain"),
    path(
        "heartbeat-runs/<str:run_id>/watchdog-decisions",
        watchdog.WatchdogDecisions.as_view(),
        name="api-run-watchdog-decisions",
    ),
    path("recovery/sweeps", sweeps.Sweeps.as_view(), name="api-sweeps"),
    path("recovery/sweeps/<str:name>", sweeps.SweepSwitch.as_view(), name="api-sweep"),
    path("recovery/sweeps/<str:name>/dry-run", sweeps.SweepDryRun.as_view(), name="api-sweep-dry-run"),
    path("recovery/sweeps/<str:name>/run", sweeps.SweepRunNow.as_view(), name="api-sweep-run"),
    path("recovery/mass-losses", sweeps.MassLosses.as_view(), name="api-mass-losses"),
    path("recovery/mass-losses/<str:incident_id>/confirm", sweeps.ConfirmMassLoss.as_view(), name="api-mass-loss"),
    path("instance/settings/experimental", experimental.ExperimentalSettings.as_view(), name="api-experimental"),
    path(f"{_GRAPH}/preview", experimental.GraphPreview.as_view(), name="api-graph-preview"),
    path(f"{_GRAPH}/run", experimental.GraphRun.as_view(), name="api-graph-run"),
    path("companies/<str:company_id>/attention", sweeps.CompanyAttention.as_view(), name="api-company-attention"),
]
