"""`/companies` (spec/4 1)."""

from __future__ import annotations

from uuid import UUID

import pytest

from agents.announcements import CompanyStopped, company_stopped
from agents.models import ActivityEvent, BudgetPolicy, Company, Member
from agents.vocabulary import CompanyStatus, MemberRole, PauseReason
from tests.agents.api.conftest import House
from tests.factories.agents import AgentFactory, CompanyFactory

pytestmark = pytest.mark.django_db


def test_founding_makes_the_founder_owner_and_a_budget_a_policy(house: House) -> None:
    answer = house.admin.post("/api/companies", {"name": "Paperclip Works", "budgetMonthlyCents": 5000}, format="json")
    assert answer.status_code == 201
    body = answer.json()
    assert body["issuePrefix"] == "PAP"
    assert body["status"] == "active"
    assert body["pauseReason"] is None
    assert body["budgetMonthlyCents"] == 5000
    company_id = UUID(body["id"])
    assert Member.objects.get(company_id=company_id).role == MemberRole.OWNER
    assert BudgetPolicy.objects.get(company_id=company_id).amount == 5000
    assert ActivityEvent.objects.filter(company_id=company_id, action="company.created").count() == 1


def test_companies_of_equal_names_get_an_a_appended_and_never_run_out(house: House) -> None:
    prefixes = [
        house.admin.post("/api/companies", {"name": "Zeppelin"}, format="json").json()["issuePrefix"] for _ in range(16)
    ]
    assert prefixes[:3] == ["ZEP", "ZEPA", "ZEPAA"]
    assert len(set(prefixes)) == 16
    assert all(prefix.isalpha() and len(prefix) <= 16 for prefix in prefixes)
    assert house.admin.post("/api/companies", {"name": "123"}, format="json").json()["issuePrefix"] == "CMP"


def test_only_instance_admins_found_companies(house: House) -> None:
    for caller, text in ((house.owner, "Instance admin required"), (house.agent_caller, "Board access required")):
        answer = caller.post("/api/companies", {}, format="json")
        assert (answer.status_code, answer.json()["error"]) == (403, text)


def test_the_list_shows_each_caller_its_own(house: House) -> None:
    assert {row["name"] for row in house.admin.get("/api/companies").json()} >= {"Home", "Next door"}
    for caller in (house.owner, house.viewer, house.agent_caller):
        assert [row["name"] for row in caller.get("/api/companies").json()] == ["Home"]


def test_stats_count_agents_and_issues_by_company(house: House) -> None:
    AgentFactory(company=house.company, status="terminated")
    stats = house.owner.get("/api/companies/stats").json()
    assert stats.keys() == {str(house.company.id)}
    assert stats[str(house.company.id)]["agentCount"] == 2


@pytest.mark.parametrize("path", ["/api/issues", "/api/companies/issues"])
def test_a_list_of_issues_without_company_is_400(house: House, path: str) -> None:
    assert house.owner.get(path).status_code == 400


def test_unknown_and_malformed_ids_are_404(house: House) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    assert house.admin.get(f"/api/companies/{unknown}").json() == {"error": "Company not found"}
    assert house.admin.get("/api/companies/nonsense").status_code == 404


def test_changes_are_logged_and_large_amounts_work(house: House) -> None:
    url = f"/api/companies/{house.company.id}"
    body = {"name": "New name", "requireBoardApprovalForNewAgents": True, "budgetMonthlyCents": 2**40, "unknown": 1}
    answer = house.owner.patch(url, body, format="json")
    assert answer.status_code == 200
    assert answer.json()["budgetMonthlyCents"] == 2**40
    event = ActivityEvent.objects.get(company=house.company, action="company.updated")
    assert event.details == {"changedKeys": ["budgetMonthlyCents", "name", "requireBoardApprovalForNewAgents"]}


def test_a_ceo_changes_the_branding_only_and_other_agents_nothing(house: House) -> None:
    url = f"/api/companies/{house.company.id}"
    assert house.ceo_caller.patch(url, {"brandColor": "#00ff00"}, format="json").status_code == 200
    assert house.ceo_caller.patch(url, {"budgetMonthlyCents": 1}, format="json").status_code == 400
    assert house.agent_caller.patch(url, {"brandColor": "#00ff00"}, format="json").status_code == 403
    assert house.owner.patch(url, {"brandColor": "green"}, format="json").status_code == 400


def test_archiving_and_pausing_stop_the_work(house: House) -> None:
    heard: list[CompanyStopped] = []
    company_stopped.connect(heard.append)
    try:
        url = f"/api/companies/{house.company.id}"
        paused = house.owner.patch(url, {"status": "paused"}, format="json").json()
        assert (paused["status"], paused["pauseReason"]) == ("paused", "manual")
        assert house.owner.patch(url, {"status": "active"}, format="json").json()["pausedAt"] is None
        assert house.owner.post(f"{url}/archive").json()["status"] == "archived"
        assert house.owner.post(f"{url}/archive").status_code == 200
    finally:
        company_stopped.disconnect(heard.append)
    assert [news.company_id for news in heard] == [house.company.id] * 2
    assert ActivityEvent.objects.filter(company=house.company, action="company.archived").count() == 1


def test_a_budget_pause_is_not_lifted_by_a_patch(house: House) -> None:
    Company.objects.filter(id=house.company.id).update(status=CompanyStatus.PAUSED, pause_reason=PauseReason.BUDGET)
    answer = house.owner.patch(f"/api/companies/{house.company.id}", {"status": "active"}, format="json")
    assert answer.status_code == 409


def test_deleting_takes_everything_of_that_company_and_nothing_else(house: House) -> None:
    other = AgentFactory(company=CompanyFactory())
    assert house.owner.delete(f"/api/companies/{house.company.id}").json() == {"ok": True}
    assert not Company.objects.filter(id=house.company.id).exists()
    assert Company.objects.filter(id=other.company_id).exists()


def test_a_repeat_with_the_same_key_founds_no_second_company(house: House) -> None:
    first = house.admin.post("/api/companies", {"name": "Once"}, format="json", HTTP_IDEMPOTENCY_KEY="k")
    again = house.admin.post("/api/companies", {"name": "Once"}, format="json", HTTP_IDEMPOTENCY_KEY="k")
    assert (again.status_code, again.json()) == (201, first.json())
    assert Company.objects.filter(name="Once").count() == 1
    other = house.admin.post("/api/companies", {"name": "Twice", "idempotencyKey": "k"}, format="json")
    assert (other.status_code, other.json()["error"]) == (
        409,
        "Idempotency-Key was already used with a different request",
    )
