"""Reading issues over HTTP: lists, one issue, inboxes, contexts, activity, projects, and what it costs."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.urls import resolve

from heartbeats.models import HeartbeatRun
from issues.models import Issue, IssueDocument, Label
from issues.vocabulary import IssueStatus
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import (
    IssueCommentFactory,
    IssueFactory,
    IssueRelationFactory,
    ProjectFactory,
    ProjectWorkspaceFactory,
    assigned_to,
    comment_of_agent,
)
from tests.issues.conftest import Shop, at_work
from tests.statements import counted

pytestmark = pytest.mark.django_db


def listed(shop: Shop, **query: Any) -> list[str]:
    answer = shop.owner.get(shop.issues, {name: str(value) for name, value in query.items()})
    assert answer.status_code == 200, answer.json()
    return [row["title"] for row in answer.json()]


def test_the_list_shows_visible_issues_of_the_company_newest_change_first(shop: Shop) -> None:
    old, new = IssueFactory(company=shop.company, title="old"), IssueFactory(company=shop.company, title="new")
    IssueFactory(title="foreign")
    IssueFactory(company=shop.company, title="hidden", hidden_at="2026-01-01T00:00:00Z")
    assert listed(shop) == ["new", "old"]
    shop.owner.patch(f"/api/issues/{old.pk}", {"priority": "low"}, format="json")
    assert listed(shop) == ["old", "new"]
    assert new.title == "new"


def test_lists_filter_by_what_they_name(shop: Shop) -> None:
    project = ProjectFactory(company=shop.company)
    workspace = ProjectWorkspaceFactory(project=project)
    label = Label.objects.create(company=shop.company, name="bug")
    top = IssueFactory(company=shop.company, title="top", description="the needle is here")
    middle = IssueFactory(company=shop.company, title="middle", parent=top, project=project, status=IssueStatus.DONE)
    leaf = assigned_to(shop.worker, title="leaf", parent=middle, project=project, project_workspace=workspace)
    label.issues.add(leaf)
    routine = IssueFactory(company=shop.company, title="routine", origin_kind="routine_execution", origin_id="r1")
    theirs = IssueFactory(company=shop.company, title="theirs", assignee_user=shop.person)
    comment_of_agent(top, shop.worker, body="found a Haystack")
    assert listed(shop, status="todo,done", parentId=top.pk) == ["middle"]
    assert listed(shop, assigneeAgentId=shop.worker.pk) == ["leaf"]
    assert listed(shop, participantAgentId=shop.worker.pk) == ["leaf", "top"]
    assert listed(shop, assigneeUserId="me") == [theirs.title]
    assert listed(shop, touchedByUserId=shop.person.pk) == ["theirs"]
    assert listed(shop, projectId=project.pk) == ["leaf", "middle"]
    assert listed(shop, workspaceId=workspace.pk) == ["leaf"]
    assert listed(shop, descendantOf=top.pk) == ["leaf", "middle"]
    assert listed(shop, labelId=label.pk) == ["leaf"]
    assert listed(shop, originKind="routine_execution") == [routine.title]
    assert listed(shop, originId="r1") == ["routine"]
    assert "routine" not in listed(shop, excludeRoutineExecutions="true")
    assert listed(shop, q="NEEDLE") == ["top"]
    assert listed(shop, q="haystack") == ["top"]
    assert listed(shop, q=leaf.identifier) == ["leaf"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=x", "offset=-1", "offset=x", "status=odd", "assigneeAgentId=x", "projectId=1"],
)
def test_bad_queries_are_400(shop: Shop, query: str) -> None:
    assert shop.owner.get(f"{shop.issues}?{query}").status_code == 400


def test_only_people_are_me(shop: Shop) -> None:
    for name in ("assigneeUserId", "touchedByUserId", "inboxArchivedByUserId", "unreadForUserId"):
        assert shop.worker_key.get(shop.issues, {name: "me"}).status_code == 403
        assert shop.owner.get(shop.issues, {name: "me"}).status_code == 200


def test_pages_follow_each_other(shop: Shop) -> None:
    for number in range(5):
        IssueFactory(company=shop.company, title=str(number))
    page = shop.owner.get(shop.issues, {"limit": "2", "offset": "2"})
    assert [row["title"] for row in page.json()] == ["2", "1"]
    assert 'rel="next"' in page["Link"]
    assert "Link" not in shop.owner.get(shop.issues, {"limit": "5"})


def test_rows_carry_cut_descriptions_live_runs_and_blockers_when_asked(shop: Shop) -> None:
    issue = assigned_to(shop.worker, description="x" * 2000)
    blocker = IssueFactory(company=shop.company, status=IssueStatus.DONE)
    IssueRelationFactory(blocked=issue, blocker=blocker)
    run = HeartbeatRunFactory(agent=shop.worker, issue=issue)
    row = shop.owner.get(shop.issues, {"status": "todo", "includeBlockedBy": "true"}).json()[0]
    assert len(row["description"]) == 1200
    assert (row["activeRun"]["id"], row["activeRun"]["status"]) == (str(run.pk), "queued")
    assert [entry["identifier"] for entry in row["blockedBy"]] == [blocker.identifier]


def _many(shop: Shop, count: int) -> None:
    label = Label.objects.create(company=shop.company, name=f"label {count}")
    for _ in range(count):
        issue = assigned_to(shop.worker)
        label.issues.add(issue)
        HeartbeatRunFactory(agent=shop.worker, issue=issue)
        IssueRelationFactory(blocked=issue)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", ["issues", "inbox", "projects"])
def test_a_list_costs_the_same_however_long_it_is(shop: Shop, address: str) -> None:
    url = {
        "issues": f"{shop.issues}?includeBlockedBy=true",
        "inbox": "/api/agents/me/inbox-lite",
        "projects": f"/api/companies/{shop.company.pk}/projects",
    }[address]
    _many(shop, 2)
    ProjectWorkspaceFactory(project__company=shop.company)
    shop.worker_key.get(url)
    with counted() as few:
        shop.worker_key.get(url)
    _many(shop, 12)
    for _ in range(5):
        project = ProjectFactory(company=shop.company)
        ProjectWorkspaceFactory(project=project, company=shop.company)
    with counted() as many:
        assert len(shop.worker_key.get(url).json()) > 2
    assert len(few) == len(many), many.report()
    assert len(many) <= 8, many.report()


@pytest.mark.django_db(transaction=True)
def test_one_issue_costs_a_fixed_number_of_statements(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company, parent=IssueFactory(company=shop.company), project=None)
    url = f"/api/issues/{issue.pk}"
    shop.worker_key.get(url)
    with counted() as bare:
        shop.worker_key.get(url)
    for _ in range(5):
        IssueRelationFactory(blocked=issue)
        IssueRelationFactory(blocker=issue, blocked__company=shop.company)
        IssueDocument.objects.create(company=shop.company, issue=issue, key=f"k{uuid.uuid4().hex[:8]}", body="x")
    with counted() as rich:
        shop.worker_key.get(url)
    assert len(bare) == len(rich), rich.report()
    assert len(rich) <= 12, rich.report()


def test_one_issue_shows_what_hangs_on_it(shop: Shop) -> None:
    project = ProjectFactory(company=shop.company, name="Door")
    top = IssueFactory(company=shop.company, title="top")
    middle = IssueFactory(company=shop.company, title="middle", parent=top)
    other = IssueFactory(company=shop.company)
    text = f"See {other.identifier.lower()}, NOPE-1 and {other.identifier}x"
    issue = IssueFactory(company=shop.company, parent=middle, project=project, description=text)
    IssueRelationFactory(blocked=issue, blocker=other)
    body = shop.owner.get(f"/api/issues/{issue.identifier.lower()}").json()
    assert [row["title"] for row in body["ancestors"]] == ["middle", "top"]
    assert [row["id"] for row in body["blockedBy"]] == [str(other.pk)]
    assert body["blocks"] == []
    assert body["project"]["name"] == "Door"
    assert body["referencedIssueIdentifiers"] == [other.identifier]
    assert [row["id"] for row in shop.owner.get(f"/api/issues/{other.pk}").json()["blocks"]] == [str(issue.pk)]


def test_keys_of_other_peoples_json_stay_as_they_are(shop: Shop) -> None:
    policy = {"some_key": {"deep_key": 1}}
    issue = IssueFactory(company=shop.company, assignee_adapter_overrides=policy)
    assert shop.owner.get(f"/api/issues/{issue.pk}").json()["assigneeAdapterOverrides"] == policy


@pytest.mark.parametrize("ref", ["nonsense", "T-0", "00000000-0000-0000-0000-000000000000", "T-99999999999999999999"])
def test_what_names_no_issue_is_404(shop: Shop, ref: str) -> None:
    answer = shop.owner.get(f"/api/issues/{ref}")
    assert (answer.status_code, answer.json()) == (404, {"error": "Issue not found"})


def test_the_inbox_holds_what_waits_for_the_agent_best_first(shop: Shop) -> None:
    for status in IssueStatus:
        assigned_to(shop.worker, status=status, title=status.value)
    urgent = assigned_to(shop.worker, priority="critical", title="urgent")
    edge = IssueRelationFactory(blocked=urgent)
    assigned_to(shop.mate)
    rows = shop.worker_key.get("/api/agents/me/inbox-lite").json()
    assert [row["title"] for row in rows] == ["in_progress", "urgent", "todo", "blocked"]
    assert rows[1]["unresolvedBlockerIssueIds"] == [str(edge.blocker_id)]
    assert (rows[1]["dependencyReady"], rows[1]["unresolvedBlockerCount"]) == (False, 1)
    assert shop.owner.get("/api/agents/me/inbox-lite").json() == {"error": "Agent authentication required"}


def test_the_inbox_of_a_person_is_read_by_agents(shop: Shop) -> None:
    IssueFactory(company=shop.company, assignee_user=shop.person, title="mine", status=IssueStatus.DONE)
    IssueFactory(company=shop.company, title="nobody's")
    url = "/api/agents/me/inbox/mine"
    assert [row["title"] for row in shop.worker_key.get(url, {"userId": str(shop.person.pk)}).json()] == ["mine"]
    assert shop.worker_key.get(url, {"userId": str(shop.person.pk), "status": "todo"}).json() == []
    assert shop.worker_key.get(url).status_code == 400
    assert shop.owner.get(url, {"userId": str(shop.person.pk)}).status_code == 401


def test_the_heartbeat_context_is_one_answer(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    comment, foreign = IssueCommentFactory(issue=issue), IssueCommentFactory()
    IssueDocument.objects.create(company=shop.company, issue=issue, key="continuation-summary", body="so far")
    url = f"/api/issues/{issue.pk}/heartbeat-context"
    body = shop.worker_key.get(url, {"wakeCommentId": str(comment.pk)}).json()
    assert body["issue"]["identifier"] == issue.identifier
    assert body["commentCursor"]["totalComments"] == 1
    assert (body["commentCursor"]["latestCommentId"], body["wakeComment"]["id"]) == (str(comment.pk), str(comment.pk))
    assert body["continuationSummary"]["body"] == "so far"
    assert shop.worker_key.get(url, {"wakeCommentId": str(foreign.pk)}).json()["wakeComment"] is None


def test_activity_of_an_issue_is_newest_first(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    run, client = at_work(shop.worker)
    client.patch(f"/api/issues/{issue.pk}", {"title": "T", "comment": "C"}, format="json")
    rows = shop.owner.get(f"/api/issues/{issue.identifier}/activity").json()
    assert {row["action"] for row in rows} == {"issue.updated", "issue.comment_added"}
    assert {row["runId"] for row in rows} == {str(run.pk)}
    assert all(row["details"]["identifier"] == issue.identifier for row in rows)


def test_projects_are_created_read_and_changed(shop: Shop) -> None:
    url = f"/api/companies/{shop.company.pk}/projects"
    body = {"name": "New Door", "leadAgentId": str(shop.worker.pk), "workspace": {"cwd": "/srv/door"}}
    made = shop.owner.post(url, body, format="json")
    assert made.status_code == 201
    project = made.json()
    assert (project["urlKey"], project["primaryWorkspace"]["cwd"]) == ("new-door", "/srv/door")
    second = shop.owner.post(f"/api/projects/{project['id']}/workspaces", {"isPrimary": True}, format="json")
    assert second.status_code == 201
    assert shop.owner.get(f"/api/projects/{project['id']}").json()["primaryWorkspace"]["id"] == second.json()["id"]
    address = f"/api/projects/{project['id']}/workspaces/{second.json()['id']}"
    assert shop.owner.patch(address, {"repoUrl": "https://example.org/x.git"}, format="json").status_code == 200
    paused = shop.owner.patch(f"/api/projects/{project['id']}", {"paused": True, "color": "#00ff00"}, format="json")
    assert (paused.json()["pauseReason"], paused.json()["color"]) == ("manual", "#00ff00")
    assert [row["name"] for row in shop.worker_key.get(url).json()] == ["New Door"]
    assert shop.owner.post(url, {"name": "X", "leadAgentId": str(uuid.uuid4())}, format="json").status_code == 404


# Nobody reaches into another company.

ROUTES = [
    ("get", "issues/{issue}", None),
    ("patch", "issues/{issue}", {"title": 5}),
    ("delete", "issues/{issue}", None),
    ("post", "issues/{issue}/children", {"title": 5}),
    ("post", "issues/{issue}/checkout", {}),
    ("post", "issues/{issue}/release", {}),
    ("post", "issues/{issue}/admin/force-release", {}),
    ("get", "issues/{issue}/comments", None),
    ("post", "issues/{issue}/comments", {}),
    ("get", "issues/{issue}/comments/{comment}", None),
    ("delete", "issues/{issue}/comments/{comment}", None),
    ("get", "issues/{issue}/documents", None),
    ("get", "issues/{issue}/documents/plan", None),
    ("put", "issues/{issue}/documents/plan", {}),
    ("delete", "issues/{issue}/documents/plan", None),
    ("get", "issues/{issue}/documents/plan/revisions", None),
    ("post", "issues/{issue}/documents/plan/revisions/{comment}/restore", {}),
    ("get", "issues/{issue}/work-products", None),
    ("post", "issues/{issue}/work-products", {}),
    ("get", "issues/{issue}/interactions", None),
    ("post", "issues/{issue}/interactions", {}),
    ("post", "issues/{issue}/interactions/{comment}/accept", {}),
    ("post", "issues/{issue}/interactions/{comment}/reject", {}),
    ("post", "issues/{issue}/interactions/{comment}/respond", {}),
    ("get", "issues/{issue}/approvals", None),
    ("post", "issues/{issue}/approvals", {}),
    ("delete", "issues/{issue}/approvals/{comment}", None),
    ("post", "issues/{issue}/tree-control/preview", {}),
    ("get", "issues/{issue}/tree-control/state", None),
    ("get", "issues/{issue}/tree-holds", None),
    ("post", "issues/{issue}/tree-holds", {}),
    ("get", "issues/{issue}/tree-holds/{comment}", None),
    ("post", "issues/{issue}/tree-holds/{comment}/release", {}),
    ("get", "issues/{issue}/heartbeat-context", None),
    ("get", "issues/{issue}/activity", None),
    ("get", "companies/{company}/issues", None),
    ("post", "companies/{company}/issues", {}),
    ("get", "companies/{company}/projects", None),
    ("post", "companies/{company}/projects", {}),
    ("get", "projects/{project}", None),
    ("patch", "projects/{project}", {}),
    ("get", "projects/{project}/workspaces", None),
    ("post", "projects/{project}/workspaces", {}),
    ("patch", "projects/{project}/workspaces/{comment}", {}),
]


@pytest.mark.parametrize(("method", "route", "body"), ROUTES, ids=[f"{m} {r}" for m, r, _ in ROUTES])
def test_strangers_are_403_before_their_body_is_read(
    shop: Shop, method: str, route: str, body: dict[str, Any] | None
) -> None:
    issue = IssueFactory(company=shop.company)
    project = ProjectFactory(company=shop.company)
    comment = IssueCommentFactory(issue=issue)
    url = "/api/" + route.format(issue=issue.pk, comment=comment.pk, company=shop.company.pk, project=project.pk)
    strange = HeartbeatRun.objects.filter(agent__company=shop.company).exists()
    assert not strange
    for client in (shop.stranger, shop.strange_agent):
        answer = getattr(client, method)(url, body, format="json")
        assert answer.status_code == 403, (url, answer.json())
    client_without = type(shop.owner)()
    assert getattr(client_without, method)(url, body, format="json").status_code == 401
    if method != "get":
        assert getattr(shop.viewer, method)(url, body, format="json").status_code == 403
    issue.refresh_from_db()
    assert Issue.objects.filter(company=shop.company).count() == 1


def test_a_strangers_run_token_reaches_nothing(shop: Shop) -> None:
    issue = IssueFactory()
    _, client = at_work(shop.worker)
    for method, route, body in ROUTES:
        if "{issue}" in route:
            url = "/api/" + route.format(issue=issue.pk, comment=uuid.uuid4())
            assert getattr(client, method)(url, body, format="json").status_code == 403, route


def test_what_was_spoken_on_last_comes_first(shop: Shop) -> None:
    first, second = (IssueFactory(company=shop.company, title=title) for title in ("first", "second"))
    shop.worker_key.post(f"/api/issues/{first.pk}/comments", {"body": "Done?"}, format="json")
    assert listed(shop) == ["first", "second"]
    shop.worker_key.put(f"/api/issues/{second.pk}/documents/plan", {"body": "x"}, format="json")
    assert listed(shop) == ["second", "first"]


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("/api/issues/T-1", "issues.api.issues"),
        ("/api/issues/T-1/runs", "heartbeats.api.issue_runs"),
        ("/api/companies/x/issues", "issues.api.issues"),
        ("/api/companies/x/agents", "agents.api.agents"),
        ("/api/agents/me", "agents.api.agents"),
        ("/api/agents/me/inbox-lite", "issues.api.reading"),
        ("/api/agents/me/inbox/mine", "issues.api.reading"),
    ],
)
def test_the_routes_of_the_house_do_not_hide_each_other(path: str, module: str) -> None:
    assert resolve(path, urlconf="config.urls").func.__module__ == module


COSTS = {
    "read": ("get", "issues/{issue}", None, 8),
    "change": ("patch", "issues/{issue}", {"title": "New"}, 13),
    "comment": ("post", "issues/{issue}/comments", {"body": "Hello"}, 11),
    "create": ("post", "companies/{company}/issues", {"title": "New"}, 13),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", COSTS)
def test_what_the_usual_requests_cost(shop: Shop, what: str) -> None:
    method, route, body, most = COSTS[what]
    issue = IssueFactory(company=shop.company)
    url = "/api/" + route.format(issue=issue.pk, company=shop.company.pk)
    shop.worker_key.get(f"/api/issues/{issue.pk}")
    with counted() as statements:
        assert getattr(shop.worker_key, method)(url, body, format="json").status_code in (200, 201)
    assert len(statements) <= most, statements.report()
