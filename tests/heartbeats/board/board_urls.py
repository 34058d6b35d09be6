"""The names of addresses that the board's templates use, with nothing behind them."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import include, path


def nothing(*args: object, **kwargs: object) -> HttpResponse:
    """An empty answer."""
    return HttpResponse()


urlpatterns = [
    path("", nothing, name="board"),
    path("board/<slug:name>/", nothing, name="board_section"),
    path("runs/<uuid:run_id>/", nothing, name="run_page"),
    path("runs/<uuid:run_id>/<slug:name>/", nothing, name="run_section"),
    path("issues/new/", nothing, name="new_issue"),
    path("issues/<slug:identifier>/", nothing, name="issue_page"),
    path("issues/<slug:identifier>/<slug:name>/", nothing, name="issue_section"),
    path("agents/<uuid:agent_id>/", nothing, name="agent_page"),
    path("agents/<uuid:agent_id>/<slug:name>/", nothing, name="agent_section"),
    path("recovery/", nothing, name="recovery_page"),
    path("recovery/<slug:name>/", nothing, name="recovery_section"),
    path("login/", nothing, name="login"),
    path("logout/", nothing, name="logout"),
    path("admin/", include(([path("", nothing, name="index")], "admin"))),
]
