"""Addresses of the board. `issues/new/` comes before the page of an issue, whose name it could be."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.urls import path

from config.board.actions import agents as agent_acts
from config.board.actions import issues as issue_acts
from config.board.actions import recovery as recovery_acts
from config.board.actions import runs as run_acts
from config.board.actions import sweeps as sweep_acts
from config.board.forms import SignInForm
from config.board.views import agent, board, issue, links, new_issue, recovery, run

pages = [
    path("", board.board, name="board"),
    path("board/<slug:name>/", board.board_section, name="board_section"),
    path("runs/<uuid:run_id>/", run.run_page, name="run_page"),
    path("runs/<uuid:run_id>/<slug:name>/", run.run_section, name="run_section"),
    path("issues/new/", new_issue.new_issue, name="new_issue"),
    path("issues/<slug:identifier>/", issue.issue_page, name="issue_page"),
    path("issues/<slug:identifier>/<slug:name>/", issue.issue_section, name="issue_section"),
    path("agents/<uuid:agent_id>/", agent.agent_page, name="agent_page"),
    path("agents/<uuid:agent_id>/<slug:name>/", agent.agent_section, name="agent_section"),
    path("recovery/", recovery.recovery_page, name="recovery_page"),
    path("recovery/<slug:name>/", recovery.recovery_section, name="recovery_section"),
    path("<slug:prefix>/issues/<slug:identifier>", links.issue_link),
    path("<slug:prefix>/agents/<uuid:agent_id>/runs/<uuid:run_id>", links.run_link),
]
acts = [
    path("act/runs/<uuid:run_id>/go-on/", recovery_acts.let_run_go_on, name="let_run_go_on"),
    path("act/incidents/<uuid:incident_id>/confirm/", recovery_acts.confirm_incident, name="confirm_incident"),
    path("act/runs/<uuid:run_id>/<slug:verb>/", run_acts.act_on_run, name="act_on_run"),
    path("act/agents/<uuid:agent_id>/<slug:verb>/", agent_acts.act_on_agent, name="act_on_agent"),
    path("act/errors/<uuid:group_id>/<slug:verb>/", agent_acts.act_on_errors, name="act_on_errors"),
    path("act/issues/<slug:identifier>/comment/", issue_acts.comment_on_issue, name="comment_on_issue"),
    path("act/issues/<slug:identifier>/assign/", issue_acts.assign_issue, name="assign_issue"),
    path("act/issues/<slug:identifier>/status/", issue_acts.set_issue_status, name="set_issue_status"),
    path("act/issues/<slug:identifier>/wake/", issue_acts.wake_for_issue, name="wake_for_issue"),
    path("act/sweeps/<slug:name>/<slug:verb>/", sweep_acts.act_on_sweep, name="act_on_sweep"),
]
entry = [
    path(
        "login/",
        auth.LoginView.as_view(authentication_form=SignInForm, redirect_authenticated_user=True),
        name="login",
    ),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
]
urlpatterns = [*pages, *acts, *entry]
