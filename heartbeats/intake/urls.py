"""Addresses of the agent API, under `/api/v1/agent/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from heartbeats.intake import task_views, views

urlpatterns: list[URLPattern] = [
    path("heartbeat", views.HeartbeatView.as_view(), name="agent-heartbeat"),
    path("errors", views.ErrorsView.as_view(), name="agent-errors"),
    path("tasks/next", task_views.NextTaskView.as_view(), name="agent-next-task"),
    path("tasks/<str:task_id>/report", task_views.ReportView.as_view(), name="agent-task-report"),
    path("tasks/<str:task_id>/log", task_views.LogView.as_view(), name="agent-task-log"),
]
