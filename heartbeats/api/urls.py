"""Addresses of runs and wakeups, under `/api/`."""

from __future__ import annotations

from django.urls import path

from heartbeats.api import issue_runs, runs, sessions, wakeups

urlpatterns = [
    path("companies/<str:company_id>/heartbeat-runs", runs.CompanyRuns.as_view(), name="api-company-runs"),
    path("companies/<str:company_id>/live-runs", runs.CompanyLiveRuns.as_view(), name="api-company-live-runs"),
    path("heartbeat-runs/<str:run_id>", runs.RunDetail.as_view(), name="api-run"),
    path("heartbeat-runs/<str:run_id>/cancel", runs.CancelRun.as_view(), name="api-run-cancel"),
    path("heartbeat-runs/<str:run_id>/events", runs.RunEvents.as_view(), name="api-run-events"),
    path("heartbeat-runs/<str:run_id>/log", runs.RunLog.as_view(), name="api-run-log"),
    path("heartbeat-runs/<str:run_id>/log.txt", runs.RunLogText.as_view(), name="api-run-log-text"),
    path("heartbeat-runs/<str:run_id>/issues", runs.RunIssues.as_view(), name="api-run-issues"),
    path(
        "heartbeat-runs/<str:run_id>/workspace-operations",
        runs.RunWorkspaceOperations.as_view(),
        name="api-run-workspace-operations",
    ),
    path("issues/<str:ref>/live-runs", issue_runs.IssueLiveRuns.as_view(), name="api-issue-live-runs"),
    path("issues/<str:ref>/active-run", issue_runs.IssueActiveRun.as_view(), name="api-issue-active-run"),
    path("issues/<str:ref>/runs", issue_runs.IssueRuns.as_view(), name="api-issue-runs"),
    path("agents/<str:ref>/wakeup", wakeups.WakeAgent.as_view(), name="api-agent-wakeup"),
    path("agents/<str:ref>/heartbeat/invoke", wakeups.InvokeAgent.as_view(), name="api-agent-invoke"),
    path("agents/<str:ref>/runtime-state", sessions.AgentRuntimeState.as_view(), name="api-agent-runtime-state"),
    path(
        "agents/<str:ref>/runtime-state/reset-session", sessions.ResetSession.as_view(), name="api-agent-reset-session"
    ),
    path("agents/<str:ref>/task-sessions", sessions.AgentTaskSessions.as_view(), name="api-agent-task-sessions"),
]
