"""Addresses of the agent API, under `/api/v1/agent/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from heartbeats.intake import views

urlpatterns: list[URLPattern] = [
    path("heartbeat", views.HeartbeatView.as_view(), name="agent-heartbeat"),
    path("errors", views.ErrorsView.as_view(), name="agent-errors"),
]
