"""The OpenAPI document names every route of `/api`, what it takes, what it answers and how it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from rest_framework.test import APIClient

AGENT_API = "/api/v1/agent/"
# What describes the others, and what answers where nobody else does.
NO_OPERATIONS = {"/api/openapi.json", "/api/docs"}
VERBS = ("get", "post", "put", "patch", "delete")


@cache
def made() -> tuple[dict[str, Any], list[str]]:
    """The document as it is served, and what its making warned of."""
    reset_generator_stats()
    served: dict[str, Any] = APIClient().get("/api/openapi.json").json()
    return served, [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]


def document() -> dict[str, Any]:
    return made()[0]


def routes() -> Iterator[tuple[str, str]]:
    """Every address and verb of `/api` that the URLconf knows."""
    for address, view in addresses(get_resolver("config.urls").url_patterns, "/"):
        if address.startswith("/api/") and address not in NO_OPERATIONS and hasattr(view, "cls"):
            yield from ((address, verb) for verb in VERBS if hasattr(view.cls, verb))


def addresses(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        text = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, text)
        else:
            yield text.replace("<str:", "{").replace("<uuid:", "{").replace(">", "}"), pattern.callback


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, verbs in document()["paths"].items():
        yield from ((path, verb, told) for verb, told in verbs.items())


def test_every_route_of_the_urlconf_is_documented() -> None:
    known = {(path, verb) for path, verb, _ in operations()}
    walked = set(routes())
    assert len(walked) > 120
    assert sorted(walked - known) == []
    assert sorted(known - walked) == []


def test_making_the_document_gives_no_warning() -> None:
    """Two shapes of one name, or two operations of one id, would be one in the document."""
    assert made()[1] == []


def test_every_operation_says_what_it_answers_and_how_it_refuses() -> None:
    for path, verb, told in operations():
        answered = [answer for code, answer in told["responses"].items() if code < "300"]
        assert all("content" in answer for answer in answered), (path, verb)
        if path.startswith(AGENT_API) or path == "/api/health":
            continue
        refused = {code for code in told["responses"] if code >= "400"}
        assert {"401", "403"} <= refused, (path, verb)
        assert "404" in refused or "{" not in path, (path, verb)
        error = told["responses"]["401"]["content"]["application/json"]["schema"]
        assert error == {"$ref": "#/components/schemas/ApiError"}


def test_whatever_takes_a_body_says_so() -> None:
    """A POST that reads nothing is a verb on a thing; those that create or change say what they read."""
    for path, verb, told in operations():
        if verb in ("put", "patch"):
            assert "requestBody" in told, (path, verb)


def test_every_reference_leads_somewhere() -> None:
    known = document()["components"]["schemas"]
    assert sorted(set(references(document()["paths"])) - set(known)) == []
    assert sorted(set(references(known)) - set(known)) == []


def references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "$ref":
                yield str(item).rsplit("/", 1)[-1]
            else:
                yield from references(item)


@pytest.mark.parametrize(
    ("shape", "name", "told"),
    [
        ("Issue", "status", {"type": "string", "enum": ["backlog", "todo", "in_progress", "in_review"]}),
        ("Issue", "assigneeAgentId", {"type": "string", "format": "uuid", "nullable": True}),
        ("HeartbeatRun", "exitCode", {"type": "integer", "nullable": True}),
        ("TreeHold", "createdAt", {"type": "string", "format": "date-time"}),
    ],
)
def test_columns_are_described_by_their_models(shape: str, name: str, told: dict[str, Any]) -> None:
    found = document()["components"]["schemas"][shape]["properties"][name]
    if "enum" in told:
        assert set(told["enum"]) <= set(found.pop("enum"))
        told = {key: value for key, value in told.items() if key != "enum"}
    assert found == told
