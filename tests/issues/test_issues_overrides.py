"""Who may choose what an assignee is started with (least rights: no agent chooses what another's host executes)."""

from __future__ import annotations

from typing import Any

import pytest

from agents.vocabulary import Permission
from issues.models import Issue
from issues.overrides import executable_changes
from tests.factories.agents import agent_grant
from tests.factories.issues import IssueFactory
from tests.issues.conftest import Shop

TUNED = {"model": "large", "effort": "high", "promptTemplate": "Think.", "timeoutSec": 60}
EXECUTED = {
    "command": "/bin/sh",
    "args": ["-c", "id"],
    "extraArgs": ["--mcp-config", "x"],
    "env": {"PATH": "/tmp"},
    "cwd": "/tmp",
    "url": "https://elsewhere.test",
    "headers": {},
    "dangerouslySkipPermissions": True,
    "instructionsFilePath": "/etc/passwd",
    "somethingNew": 1,
}


def asking(**adapter_config: Any) -> dict[str, Any]:
    return {"assigneeAdapterOverrides": {"adapterConfig": adapter_config}}


@pytest.mark.django_db
@pytest.mark.parametrize("key", EXECUTED)
def test_an_agent_may_not_choose_what_an_assignee_s_host_executes(shop: Shop, key: str) -> None:
    issue = IssueFactory(company=shop.company, assignee_agent=shop.worker, status="todo")
    body = {"title": "New", **asking(**{key: EXECUTED[key]})}
    created = shop.worker_key.post(shop.issues, body, format="json")
    child = shop.worker_key.post(f"/api/issues/{issue.pk}/children", body, format="json")
    changed = shop.worker_key.patch(f"/api/issues/{issue.pk}", body, format="json")
    assert (created.status_code, child.status_code, changed.status_code) == (403, 403, 403)
    assert changed.json()["details"] == {"keys": [f"adapterConfig.{key}"]}
    issue.refresh_from_db()
    assert (issue.assignee_adapter_overrides, Issue.objects.count()) == (None, 1)


@pytest.mark.django_db
def test_an_agent_may_ask_for_another_model_effort_prompt_and_time(shop: Shop) -> None:
    body = {"title": "New", "assigneeAgentId": str(shop.mate.pk), **asking(**TUNED)}
    made = shop.worker_key.post(shop.issues, body, format="json")
    assert (made.status_code, made.json()["assigneeAdapterOverrides"]) == (201, {"adapterConfig": TUNED})


@pytest.mark.django_db
def test_people_the_ceo_and_those_who_may_create_agents_choose_freely(shop: Shop) -> None:
    body = {"title": "New", **asking(**EXECUTED)}
    agent_grant(shop.mate, Permission.AGENTS_CREATE)
    answers = [who.post(shop.issues, body, format="json") for who in (shop.owner, shop.ceo_key, shop.mate_key)]
    assert [answer.status_code for answer in answers] == [201, 201, 201]


@pytest.mark.django_db
def test_an_agent_that_sends_back_what_it_read_or_takes_it_away_chooses_nothing(shop: Shop) -> None:
    stored = {"adapterConfig": {"command": "make", "model": "small"}}
    issue = IssueFactory(company=shop.company, assignee_adapter_overrides=stored)
    url = f"/api/issues/{issue.pk}"
    back = shop.worker_key.patch(url, asking(command="make", model="large"), format="json")
    other = shop.worker_key.patch(url, asking(command="rm"), format="json")
    taken = shop.worker_key.patch(url, {"assigneeAdapterOverrides": None}, format="json")
    assert (back.status_code, other.status_code, taken.status_code) == (200, 403, 200)


@pytest.mark.parametrize("asked", [None, [], "x", {}, {"adapterConfig": None}, {"useProjectWorkspace": False}])
def test_overrides_without_a_configuration_choose_nothing(asked: Any) -> None:
    assert executable_changes(asked, {"adapterConfig": {"command": "make"}}) == []
