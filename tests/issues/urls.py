"""The routes of issues alone, so that these tests do not depend on the pages and routes of other apps."""

from __future__ import annotations

from django.urls import include, path, re_path

from config.common.wire.envelope import route_not_found

urlpatterns = [path("api/", include("issues.api.urls")), re_path(r"^api/", route_not_found)]
