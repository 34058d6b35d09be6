"""Every address of Everbeat."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views import defaults

from config import health, metrics
from config.common.wire.envelope import route_not_found, server_error
from config.openapi import OpenApiDocument, OpenApiPage

admin.autodiscover()

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("api/openapi.json", OpenApiDocument.as_view(), name="api-openapi"),
    path("api/docs", OpenApiPage.as_view(), name="api-docs"),
    path("api/v1/agent/", include("heartbeats.intake.urls")),
    path("api/", include("agents.api.urls")),
    path("api/", include("issues.api.urls")),
    path("api/", include("heartbeats.api.urls")),
    path("api/", include("recovery.api.urls")),
    re_path(r"^api/", route_not_found),  # last: what nobody above answers
    path("", include("config.board.urls")),
]


def handler500(request: HttpRequest) -> HttpResponse:
    """JSON under `/api`, a page elsewhere; neither says anything of the cause."""
    return server_error(request) if request.path.startswith("/api/") else defaults.server_error(request)


handler404 = "config.board.refusals.not_found"
