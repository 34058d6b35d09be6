"""Nobody reaches into another company: by no route with a foreign key, by no field with a foreign id (issue 4)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.urls import URLPattern
from rest_framework.test import APIClient

from agents.models import Company
from heartbeats.api.urls import urlpatterns as run_routes
from issues.api.urls import urlpatterns as issue_routes
from issues.models import DocumentRevision, Issue, IssueDocument, Label, WorkProduct
from recovery.api.urls import urlpatterns as recovery_routes
from tests.agents.api.conftest import board_client
from tests.factories.agents import AgentFactory, ApprovalFactory, CompanyFactory, MemberFactory
from tests.factories.heartbeats import HeartbeatRunFactory, running_run
from tests.factories.issues import (
    IssueCommentFactory,
    IssueFactory,
    ProjectFactory,
    ProjectWorkspaceFactory,
    TreeHoldFactory,
)
from tests.issues.conftest import Shop

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "put", "patch", "delete")
# What shows the caller's own, or the instance's to those who administer it.
OWN = {"agents/me/inbox-lite", "agents/me/inbox/mine", "instance/settings/experimental"}
LOGS = {"agents_activityevent", "agents_liveevent", "agents_idempotencyrecord"}
APPS = ("agents", "issues", "heartbeats", "recovery")


@dataclass(frozen=True)
class Things:
    """One of everything that a route or a field can name, of one company."""

    company: Company
    ids: dict[str, str] = field(default_factory=dict)


def things_of(company: Company, **known: Any) -> Things:
    issue = known.get("issue") or IssueFactory(company=company)
    project = ProjectFactory(company=company)
    document = IssueDocument.objects.create(company=company, issue=issue, key="notes", body="x")
    revision = DocumentRevision.objects.create(company=company, document=document, revision_number=1, body="x")
    product = WorkProduct.objects.create(company=company, issue=issue, type="t", provider="p", title="T")
    agent = known.get("agent") or AgentFactory(company=company)
    rows = {
        "company": company,
        "issue": issue,
        "agent": agent,
        "user": MemberFactory(company=company).user,
        "project": project,
        "workspace": ProjectWorkspaceFactory(company=company, project=project),
        "label": Label.objects.create(company=company, name="L"),
        "comment": IssueCommentFactory(issue=issue),
        "approval": ApprovalFactory(company=company),
        "run": HeartbeatRunFactory(agent=agent),
        "hold": TreeHoldFactory(root_issue=issue, status="released", released_at="2026-01-01T00:00:00Z"),
        "revision": revision,
        "product": product,
    }
    return Things(company, {name: str(row.pk) for name, row in rows.items()})


def address(route: str, ids: dict[str, str]) -> str:
    kind = {"agents": "agent", "issues": "issue", "projects": "project"}.get(route.split("/", maxsplit=1)[0], "")
    named = {
        "ref": ids.get(kind, ""), "company_id": ids["company"], "run_id": ids["run"], "comment_id": ids["comment"],
        "hold_id": ids["hold"], "approval_id": ids["approval"], "revision_id": ids["revision"], "key": "notes",
        "product_id": ids["product"], "workspace_id": ids["workspace"], "interaction_id": str(uuid.uuid4()),
        "incident_id": str(uuid.uuid4()), "name": "prune",
    }  # fmt: skip
    for name, value in named.items():
        route = route.replace(f"<str:{name}>", value)
    assert "<" not in route, route
    return f"/api/{route}"


def routes() -> Iterator[tuple[str, str]]:
    patterns: list[URLPattern] = [*issue_routes, *run_routes, *recovery_routes]
    for pattern in patterns:
        view: Any = pattern.callback
        for method in METHODS:
            if str(pattern.pattern) not in OWN and hasattr(view.cls, method):
                yield method, str(pattern.pattern)


def everything() -> dict[str, Any]:
    """A fingerprint of every table of ours, but for the logs and when a key was last used."""
    tables = {model._meta.db_table for app in APPS for model in apps.get_app_config(app).get_models()}
    parts = [
        f"select '{table}', count(*), max(to_jsonb(t)->>'updated_at') from {table} t" for table in sorted(tables - LOGS)
    ]
    with connection.cursor() as cursor:
        cursor.execute(" union all ".join(parts))
        return {table: (rows, last) for table, rows, last in cursor.fetchall() if "key" not in table}


@pytest.fixture(autouse=True)
def whole_house(own_routes: None, settings: Any) -> None:
    """Every route of the house, not of one app."""
    settings.ROOT_URLCONF = "config.urls"


def test_no_key_of_another_company_opens_any_route(shop: Shop) -> None:
    ours = things_of(shop.company)
    walked = list(routes())
    assert len(walked) > 75
    before = everything()
    for method, route in walked:
        url = address(route, ours.ids)
        for caller in (shop.stranger, shop.strange_agent):
            answer = getattr(caller, method)(url, {}, format="json") if method != "get" else caller.get(url)
            told = (method, url, answer.status_code, answer.content)
            if route == "heartbeat-runs/<str:run_id>/issues":
                assert answer.json() == [], told  # an unknown run has none (spec/4 3)
            elif route.startswith("recovery/") and method == "get":
                assert answer.status_code in (200, 403), told  # the instance's own, without any company's
            else:
                assert answer.status_code in (403, 404), told
                assert answer.json().keys() == {"error"}, told
    assert everything() == before


@dataclass(frozen=True)
class Case:
    """A body that is good, and the fields of it that name something: where, and what kind."""

    method: str
    route: str
    body: dict[str, Any]
    fields: dict[str, str]


ISSUE_FIELDS = {
    "assigneeAgentId": "agent", "assigneeUserId": "user", "projectId": "project", "projectWorkspaceId": "workspace",
    "blockedByIssueIds": "[issue]", "labelIds": "[label]", "executionPolicy": "{policy}",
}  # fmt: skip
COST = {"provider": "p", "model": "m", "costCents": 1, "occurredAt": "2026-03-01T00:00:00Z"}
SUGGESTED = {"kind": "suggest_tasks", "payload": {"version": 1, "tasks": [{"clientKey": "a", "title": "T"}]}}
PRODUCT = {"type": "t", "provider": "p", "title": "T"}
CASES = [
    Case("post", "companies/<str:company_id>/issues", {"title": "T"}, {**ISSUE_FIELDS, "parentId": "issue"}),
    Case("post", "issues/<str:ref>/children", {"title": "T"}, ISSUE_FIELDS),
    Case("patch", "issues/<str:ref>", {"title": "T"}, {**ISSUE_FIELDS, "parentId": "issue"}),
    Case("post", "issues/<str:ref>/checkout", {"expectedStatuses": ["todo"]}, {"agentId": "agent"}),
    Case("post", "issues/<str:ref>/approvals", {}, {"approvalId": "approval"}),
    Case("post", "issues/<str:ref>/work-products", PRODUCT, {"projectId": "project"}),
    Case("patch", "work-products/<str:product_id>", {}, {"projectId": "project"}),
    Case("put", "issues/<str:ref>/documents/<str:key>", {"body": "new"}, {"baseRevisionId": "revision"}),
    Case(
        "post",
        "issues/<str:ref>/interactions",
        {"kind": "request_confirmation", "payload": {"version": 1, "prompt": "?"}},
        {"sourceCommentId": "comment"},
    ),
    Case("post", "companies/<str:company_id>/projects", {"name": "P"}, {"leadAgentId": "agent"}),
    Case("patch", "projects/<str:ref>", {"name": "P"}, {"leadAgentId": "agent"}),
    Case("post", "companies/<str:company_id>/agents", {"name": "A", "adapterType": "process"}, {"reportsTo": "agent"}),
    Case("patch", "agents/<str:ref>", {"name": "A"}, {"reportsTo": "agent"}),
    Case(
        "post",
        "companies/<str:company_id>/agent-hires",
        {"name": "A", "adapterType": "process"},
        {"reportsTo": "agent", "sourceIssueId": "issue", "sourceIssueIds": "[issue]"},
    ),
    Case(
        "post",
        "companies/<str:company_id>/approvals",
        {"type": "request_board_approval", "payload": {"title": "T"}},
        {"requestedByAgentId": "agent", "issueIds": "[issue]"},
    ),
    Case("post", "companies/<str:company_id>/cost-events", COST, {"agentId": "agent"}),
    Case(
        "post",
        "companies/<str:company_id>/cost-events",
        {**COST, "agentId": "OWN:agent"},
        {"issueId": "issue", "projectId": "project", "heartbeatRunId": "run"},
    ),
    Case(
        "post", "companies/<str:company_id>/budgets/policies", {"scopeType": "agent", "amount": 1}, {"scopeId": "agent"}
    ),
    Case(
        "post", "companies/<str:company_id>/budgets/policies", {"scopeType": "project", "amount": 1},
        {"scopeId": "project"},
    ),
    Case(
        "post",
        "companies/<str:company_id>/activity",
        {"actorId": "a", "action": "b", "entityType": "c", "entityId": "d"},
        {"agentId": "agent"},
    ),
    Case(
        "post",
        "heartbeat-runs/<str:run_id>/watchdog-decisions",
        {"decision": "continue"},
        {"evaluationIssueId": "issue"},
    ),
]  # fmt: skip
# Goals and environments are out of scope: these ids name nothing that could be another company's.
NAMELESS = {"goalId", "defaultEnvironmentId", "taskId"}


def value_of(kind: str, ids: dict[str, str]) -> Any:
    if kind == "{policy}":
        participant = {"type": "agent", "agentId": ids["agent"]}
        return {"stages": [{"type": "review", "participants": [participant]}]}
    return [ids[kind.strip("[]")]] if kind.startswith("[") else ids[kind]


def test_no_field_takes_an_id_of_another_company_or_of_nothing(shop: Shop) -> None:
    ours, theirs = things_of(shop.company), things_of(CompanyFactory(name="Elsewhere"))
    nothing = {name: str(uuid.uuid4()) for name in ours.ids}
    before, wrong = everything(), []
    for case in CASES:
        url = address(case.route, ours.ids)
        good = {name: ours.ids[v[4:]] if str(v).startswith("OWN:") else v for name, v in case.body.items()}
        for name, kind in case.fields.items():
            for strange in (theirs.ids, nothing):
                answer = getattr(shop.owner, case.method)(url, {**good, name: value_of(kind, strange)}, format="json")
                if not 400 <= answer.status_code < 500 or not answer.json().keys() <= {"error", "details"}:
                    wrong.append((case.method, case.route, name, answer.status_code, answer.content[:200]))
        if everything() != before:
            wrong.append((case.method, case.route, "half-written", 0, b""))
            before = everything()
    assert wrong == []


def test_a_suggested_task_takes_no_foreign_id(shop: Shop) -> None:
    ours, theirs = things_of(shop.company), things_of(CompanyFactory(name="Elsewhere"))
    fields = {"assigneeAgentId": "agent", "assigneeUserId": "user", "projectId": "project", "parentId": "issue"}
    url = f"/api/issues/{ours.ids['issue']}/interactions"
    for name, kind in fields.items():
        task = {"clientKey": "a", "title": "T", name: theirs.ids[kind]}
        body = {"kind": "suggest_tasks", "payload": {"version": 1, "tasks": [task]}}
        asked = shop.owner.post(url, body, format="json")
        issues = Issue.objects.count()
        if asked.status_code < 400:
            answer = shop.owner.post(f"{url}/{asked.json()['id']}/accept", {}, format="json")
            assert 400 <= answer.status_code < 500, (name, answer.content)
        assert Issue.objects.count() == issues, name


def test_the_table_knows_every_field_that_names_something(client: APIClient) -> None:
    document = client.get("/api/openapi.json").json()
    shapes = document["components"]["schemas"]
    known = {
        (case.method, case.route.replace("<str:", "{").replace(">", "}"), n) for case in CASES for n in case.fields
    }
    missing = []
    for path, verbs in document["paths"].items():
        if path.startswith("/api/v1/agent/"):
            continue
        for verb, told in verbs.items():
            body = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            for name, schema in shapes.get(body.get("$ref", "").rsplit("/", 1)[-1], {}).get("properties", {}).items():
                listed = schema.get("items", schema)
                place = (verb, path.removeprefix("/api/"), name)
                if listed.get("format") == "uuid" and name not in NAMELESS and place not in known:
                    missing.append(place)
    assert missing == []


def test_a_wakeup_about_another_companys_issue_is_skipped(shop: Shop) -> None:
    theirs = things_of(CompanyFactory(name="Elsewhere"))
    url = f"/api/agents/{shop.worker.pk}/wakeup"
    answer = shop.owner.post(url, {"payload": {"issueId": theirs.ids["issue"]}}, format="json")
    assert (answer.status_code, answer.json()["status"], answer.json()["issueId"]) == (202, "skipped", None)


# Bodies that contradict themselves


def test_what_contradicts_itself_is_refused_and_changes_nothing(shop: Shop) -> None:
    one, two = IssueFactory(company=shop.company), IssueFactory(company=shop.company, parent=None)
    url = f"/api/issues/{one.pk}"
    shop.owner.patch(f"/api/issues/{two.pk}", {"blockedByIssueIds": [str(one.pk)]}, format="json")
    before = everything()
    bad: list[tuple[dict[str, Any], int]] = [
        ({"blockedByIssueIds": [str(one.pk)]}, 422),
        ({"title": "New", "blockedByIssueIds": [str(two.pk)]}, 422),
        ({"parentId": str(one.pk)}, 422),
        ({"assigneeAgentId": str(shop.worker.pk), "assigneeUserId": str(shop.person.pk)}, 422),
        ({"title": "New", "status": "in_progress"}, 422),
        ({"status": "odd"}, 400),
        ({"title": ""}, 400),
        ({"title": "x" * 1001}, 400),
        ({"title": None}, 400),
        ({"requestDepth": -1}, 400),
        ({"requestDepth": 2**31}, 400),
        ({"reviewRequest": {"instructions": "x", "more": 1}}, 400),
        ({"resume": True}, 400),
        ({"hiddenAt": "yesterday"}, 400),
    ]
    for body, status in bad:
        answer = shop.owner.patch(url, body, format="json")
        assert (answer.status_code, answer.json().keys() <= {"error", "details"}) == (status, True), (
            body,
            answer.content,
        )
        assert everything() == before, body


def test_an_oversized_body_is_413_and_stores_nothing(shop: Shop) -> None:
    before = everything()
    body = b'{"title": "' + b"x" * (10 * 2**20) + b'"}'
    answer = shop.owner.post(shop.issues, body, content_type="application/json")
    assert (answer.status_code, answer.json().keys() <= {"error", "details"}) == (413, True)
    assert everything() == before


def test_a_stale_revision_is_409_and_names_the_current_one(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    url = f"/api/issues/{issue.pk}/documents/plan"
    first = shop.owner.put(url, {"body": "one"}, format="json").json()["latestRevisionId"]
    second = shop.owner.put(url, {"body": "two", "baseRevisionId": first}, format="json").json()["latestRevisionId"]
    stale = shop.owner.put(url, {"body": "three", "baseRevisionId": first}, format="json")
    assert (stale.status_code, stale.json()["details"]) == (409, {"currentRevisionId": second})
    assert shop.owner.get(url).json()["body"] == "two"


def test_a_run_header_of_another_company_is_403(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    theirs = running_run(agent=AgentFactory())
    mine = board_client(shop.person)
    answer = mine.post(
        f"/api/issues/{issue.pk}/comments", {"body": "x"}, format="json", headers={"X-Paperclip-Run-Id": str(theirs.pk)}
    )
    assert answer.status_code == 403
