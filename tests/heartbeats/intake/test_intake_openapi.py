"""The OpenAPI document says what the running application does, and nothing crashes it (issue 3)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from rest_framework.test import APIClient
from schemathesis import Case, GenerationMode
from schemathesis.openapi import from_wsgi
from schemathesis.specs.openapi.checks import ignored_auth

from config.wsgi import application
from heartbeats.intake import shapes
from tests.factories.heartbeats import HeartbeatRunFactory, running_run
from tests.heartbeats.intake.conftest import Caller, calling

EXAMPLES = 12
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Fleet:
    """Agents to fuzz with: one for heartbeats, whose presence goes up and down, and one that works."""

    beating: Caller
    working: Caller
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def token_for(self, path: str) -> str:
        """The key for a route."""
        return (self.beating if path == "heartbeat" else self.working).token

    def some_run(self) -> str:
        """A run that the working agent has in hand."""
        return str(running_run(agent=self.working.agent).id)


@pytest.fixture
def fleet(transactional_db: None) -> Fleet:
    """The agents, with work that waits."""
    fleet = Fleet(calling(), calling(max_concurrent_runs=10))
    for _ in range(3):
        HeartbeatRunFactory(agent=fleet.working.agent)
    return fleet


@cache
def documented() -> Any:
    """The document as the application serves it, read once: making it takes a second."""
    return from_wsgi("/api/openapi.json", app=application)


AGENT_API = "/api/v1/agent/"
PATHS = ["heartbeat", "errors", "tasks/next", "tasks/{task_id}/report", "tasks/{task_id}/log"]


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("path", PATHS)
def test_nothing_crashes_the_agent_api_and_every_answer_is_as_documented(
    fleet: Fleet, path: str, mode: GenerationMode
) -> None:
    operation = documented()[f"/api/v1/agent/{path}"]["POST"]

    heard: list[int] = []

    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: Case) -> None:
        if mode is GenerationMode.POSITIVE and "task_id" in case.path_parameters and next(fleet.numbers) % 3:
            case.path_parameters["task_id"] = fleet.some_run()
        case.headers["Authorization"] = f"Bearer {fleet.token_for(path)}"  # an example's own key is nobody's
        heard.append(case.call_and_validate(excluded_checks=[ignored_auth]).status_code)

    try:
        holds()
    except Unsatisfiable:
        assert (path, mode) == ("tasks/next", GenerationMode.NEGATIVE), "nothing was tried"
    assert mode is GenerationMode.NEGATIVE or 200 in heard, heard


@cache
def document() -> dict[str, Any]:
    """What is served to everybody."""
    response = APIClient().get("/api/openapi.json")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    served: dict[str, Any] = response.json()
    return served


def test_every_route_of_the_agent_api_is_in_the_document() -> None:
    paths = {path.removeprefix(AGENT_API) for path in document()["paths"] if path.startswith(AGENT_API)}
    assert paths == set(PATHS)


def test_every_operation_in_the_document_says_what_it_answers() -> None:
    operations = [(path, verb, told) for path, verbs in document()["paths"].items() for verb, told in verbs.items()]
    silent = [
        (path, verb) for path, verb, told in operations if "content" not in next(iter(told["responses"].values()))
    ]
    assert silent == []
    assert {"/api/companies/{company_id}/agents", "/api/approvals/{ref}"} <= {path for path, *_ in operations}


def test_operations_have_names_of_their_own() -> None:
    names = [told["operationId"] for verbs in document()["paths"].values() for told in verbs.values()]
    assert len(names) == len(set(names))


def test_the_document_has_the_wire_names_and_the_caps() -> None:
    schemas = document()["components"]["schemas"]
    assert schemas["HeartbeatBody"]["properties"].keys() == {
        *("status", "capabilities", "deviceInfo", "currentTask", "error")
    }
    assert schemas["HeartbeatBody"]["required"] == ["status"]
    assert schemas["CurrentTaskBody"]["required"] == ["progress", "speed", "taskId"]
    message = schemas["HeartbeatErrorBody"]["properties"]["message"]
    assert (message["minLength"], message["maxLength"]) == (1, shapes.MOST_MESSAGE)
    assert sorted(schemas["HeartbeatBodyStatusEnum"]["enum"]) == ["benchmarked", "busy", "error", "online"]


def test_every_operation_of_the_agent_api_asks_for_the_agents_key() -> None:
    for path, verbs in document()["paths"].items():
        if path.startswith(AGENT_API):
            assert verbs["post"]["security"] == [{"agentKey": []}]


def test_the_documentation_page_is_served_from_our_own_files() -> None:
    page = APIClient().get("/api/docs").content.decode()
    assert "swagger-ui" in page
    assert "http://" not in page.replace("http://testserver", "")
    assert "https://" not in page
