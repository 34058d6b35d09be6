"""Documents and work products over HTTP (spec/4 section 4; 16, faults 12 and 13)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from agents.models import ActivityEvent
from issues.models import DocumentRevision, Issue, IssueDocument, WorkProduct
from tests.factories.issues import IssueFactory, ProjectFactory, assigned_to
from tests.issues.conftest import Shop, at_work
from tests.racing import race

pytestmark = pytest.mark.django_db


def put(client: Any, issue: Issue, body: str, key: str = "plan", **more: Any) -> Any:
    return client.put(f"/api/issues/{issue.pk}/documents/{key}", {"format": "markdown", "body": body, **more}, "json")


def test_the_first_text_is_201_and_names_its_run(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    run, client = at_work(shop.worker)
    answer = put(client, issue, "one\\ntwo", key="PLAN", title="Plan")
    assert answer.status_code == 201
    body = answer.json()
    assert (body["key"], body["body"], body["latestRevisionNumber"]) == ("plan", "one\ntwo", 1)
    assert body["updatedByRunId"] == str(run.pk)
    assert DocumentRevision.objects.get().created_by_run_id == run.pk
    assert ActivityEvent.objects.get(action="issue.document_created").run_id == run.pk


def test_an_update_answers_with_the_new_text(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    first = put(shop.owner, issue, "old", title="Plan").json()
    answer = put(shop.owner, issue, "new", baseRevisionId=first["latestRevisionId"], changeSummary="better")
    body = answer.json()
    assert (answer.status_code, body["body"], body["latestRevisionNumber"]) == (200, "new", 2)
    assert body["title"] == "Plan"
    read = shop.owner.get(f"/api/issues/{issue.pk}/documents/plan").json()
    assert read["body"] == "new"


def test_nobody_overwrites_what_they_have_not_read(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    first = put(shop.owner, issue, "one").json()["latestRevisionId"]
    missing = put(shop.owner, issue, "two")
    assert (missing.status_code, missing.json()) == (
        409,
        {"error": "Document update requires baseRevisionId", "details": {"currentRevisionId": first}},
    )
    second = put(shop.owner, issue, "two", baseRevisionId=first).json()["latestRevisionId"]
    stale = put(shop.owner, issue, "three", baseRevisionId=first)
    assert stale.json() == {
        "error": "Document was updated by someone else",
        "details": {"currentRevisionId": second},
    }
    assert put(shop.owner, issue, "x", key="new", baseRevisionId=first).status_code == 409


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_read_the_same_revision_one_writes(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    base = put(shop.owner, issue, "one").json()["latestRevisionId"]
    answers = race([lambda n=n: put(shop.owner, issue, str(n), baseRevisionId=base) for n in range(8)])  # type: ignore[misc]
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert IssueDocument.objects.get().latest_revision_number == 2


def test_an_earlier_text_comes_back_as_a_new_revision(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    first = put(shop.owner, issue, "one").json()["latestRevisionId"]
    put(shop.owner, issue, "two", baseRevisionId=first)
    address = f"/api/issues/{issue.pk}/documents/plan/revisions"
    restored = shop.owner.post(f"{address}/{first}/restore", {}, format="json")
    assert (restored.status_code, restored.json()["body"], restored.json()["latestRevisionNumber"]) == (200, "one", 3)
    rows = shop.owner.get(address).json()
    assert [(row["revisionNumber"], row["body"]) for row in rows] == [(3, "one"), (2, "two"), (1, "one")]
    assert shop.owner.post(f"{address}/{uuid.uuid4()}/restore", {}, format="json").status_code == 404
    assert ActivityEvent.objects.filter(action="issue.document_restored").count() == 1


def test_the_systems_documents_are_hidden_and_not_written(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    IssueDocument.objects.create(company=shop.company, issue=issue, key="continuation-summary", body="so far")
    address = f"/api/issues/{issue.pk}/documents"
    assert shop.owner.get(address).json() == []
    assert len(shop.owner.get(address, {"includeSystem": "true"}).json()) == 1
    assert put(shop.owner, issue, "mine", key="continuation-summary").status_code == 403


@pytest.mark.parametrize("key", ["-x", "a b", "x" * 65, "ä"])
def test_keys_have_one_form(shop: Shop, key: str) -> None:
    issue = IssueFactory(company=shop.company)
    assert put(shop.owner, issue, "x", key=key).status_code == 400


def test_texts_have_a_limit(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    assert put(shop.owner, issue, "x" * 524_289).status_code == 400
    assert put(shop.owner, issue, "x", format="html").status_code == 400


def test_only_people_delete_documents(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    put(shop.owner, issue, "x")
    address = f"/api/issues/{issue.pk}/documents/plan"
    assert shop.worker_key.delete(address).json() == {"error": "Board access required"}
    assert shop.owner.delete(address).json() == {"ok": True}
    assert shop.owner.get(address).json() == {"error": "Document not found"}


def test_the_mutation_rule_holds_for_documents_and_work_products(shop: Shop) -> None:
    issue = assigned_to(shop.mate)
    product = {"type": "pull_request", "provider": "github", "title": "T"}
    assert put(shop.worker_key, issue, "x").status_code == 403
    assert shop.worker_key.post(f"/api/issues/{issue.pk}/work-products", product, format="json").status_code == 403


def test_the_issue_shows_its_plan_and_its_products(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    put(shop.owner, issue, "the plan")
    put(shop.owner, issue, "notes", key="notes")
    body = shop.owner.get(f"/api/issues/{issue.identifier.lower()}").json()
    assert body["planDocument"]["body"] == "the plan"
    assert [row["key"] for row in body["documentSummaries"]] == ["notes", "plan"]
    assert body["workProducts"] == []


def test_work_products_live_and_die(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    run, client = at_work(shop.worker)
    address = f"/api/issues/{issue.pk}/work-products"
    fields = {"type": "pull_request", "provider": "github", "isPrimary": True, "metadata": {"some_key": 1}}
    first = client.post(address, {**fields, "title": "One"}, format="json")
    assert first.status_code == 201
    assert (first.json()["createdByRunId"], first.json()["metadata"]) == (str(run.pk), {"some_key": 1})
    second = client.post(address, {**fields, "title": "Two"}, format="json").json()
    rows = {row["title"]: row["isPrimary"] for row in shop.owner.get(address).json()}
    assert rows == {"One": False, "Two": True}
    changed = client.patch(f"/api/work-products/{second['id']}", {"status": "merged"}, format="json")
    assert (changed.status_code, changed.json()["status"]) == (200, "merged")
    assert client.delete(f"/api/work-products/{second['id']}").json()["id"] == second["id"]
    assert WorkProduct.objects.count() == 1
    actions = set(ActivityEvent.objects.values_list("action", flat=True))
    assert {f"issue.work_product_{verb}" for verb in ("created", "updated", "deleted")} <= actions


def test_a_work_product_stays_in_its_company(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    address = f"/api/issues/{issue.pk}/work-products"
    body = {"type": "pr", "provider": "github", "title": "T"}
    foreign = {**body, "projectId": str(ProjectFactory().pk)}
    assert shop.owner.post(address, foreign, format="json").status_code == 404
    product = shop.owner.post(address, body, format="json").json()["id"]
    for client in (shop.stranger, shop.strange_agent):
        assert client.patch(f"/api/work-products/{product}", {}, format="json").status_code == 403
    assert shop.owner.patch("/api/work-products/nonsense", {}, format="json").status_code == 404
