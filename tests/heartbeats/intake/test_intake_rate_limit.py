"""Who calls too often is told to wait, and heartbeats as we ask for them never are (spec/1 B)."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import pytest
from django.conf import LazySettings
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from heartbeats.intake.front_door import FrontDoor
from heartbeats.intake.rate_limit import Allowance, Bucket, Buckets, take
from tests.factories.agents import AgentKeyFactory
from tests.heartbeats.intake.conftest import BASE, calling

ALLOWANCES = st.builds(Allowance, st.floats(0.1, 100), st.integers(1, 50).map(float))
GAPS = st.lists(st.floats(0, 5), min_size=1, max_size=60)
LIMITED = {"error": {"code": "RATE_LIMITED", "message": "Too many requests"}}


def _allowed(allowance: Allowance, moments: list[float]) -> list[float]:
    bucket: Bucket | None = None
    passed = []
    for moment in moments:
        taken = take(bucket, allowance, now=moment)
        bucket = taken.bucket
        if not taken.wait:
            passed.append(moment)
    return passed


@given(ALLOWANCES, GAPS)
def test_no_span_of_time_lets_more_through_than_its_rate_and_one_burst(allowance: Allowance, gaps: list[float]) -> None:
    passed = _allowed(allowance, list(accumulate(gaps)))
    for first, start in enumerate(passed):
        for last, end in enumerate(passed[first:], first):
            assert last - first + 1 <= allowance.burst + (end - start) * allowance.per_second + 1e-6


@given(ALLOWANCES, st.integers(1, 200))
def test_who_keeps_to_the_rate_is_never_refused(allowance: Allowance, calls: int) -> None:
    moments = [number * 1.000001 / allowance.per_second for number in range(calls)]
    assert _allowed(allowance, moments) == moments


@given(ALLOWANCES, GAPS)
def test_who_waits_as_long_as_it_was_told_gets_through(allowance: Allowance, gaps: list[float]) -> None:
    bucket: Bucket | None = None
    for moment in accumulate(gaps):
        taken = take(bucket, allowance, now=moment)
        bucket = taken.bucket
        assert taken.wait == 0 or take(bucket, allowance, now=moment + taken.wait + 1e-6).wait == 0


def test_only_the_keys_that_called_last_are_remembered() -> None:
    buckets = Buckets(Allowance(1, 1), most=3)
    for number in range(10):
        assert buckets.wait_of(f"key {number}", now=0) == 0
    assert len(buckets) == 3
    assert buckets.wait_of("key 9", now=0) > 0


def test_no_rate_is_no_limit() -> None:
    buckets = Buckets(Allowance(0, 1))
    assert [buckets.wait_of("key", now=0) for _ in range(1000)] == [0] * 1000
    assert len(buckets) == 0


def _post(client: Any, path: str, token: str) -> Any:
    return client.post(f"{BASE}/{path}", {"status": "online"}, format="json", HTTP_AUTHORIZATION=f"Bearer {token}")


@pytest.mark.django_db
def test_who_calls_too_often_is_a_429_in_the_envelope_and_nobody_else_is(settings: LazySettings) -> None:
    settings.AGENT_RATE_PER_SEC, settings.AGENT_RATE_BURST = 0.01, 2
    caller, client = calling(), APIClient()
    other_key = AgentKeyFactory(agent=caller.agent).token
    assert [_post(client, "tasks/next", caller.token).status_code for _ in range(3)] == [200, 200, 429]
    refused = _post(client, "errors", caller.token)
    assert (refused.status_code, refused.json(), refused["Content-Type"]) == (429, LIMITED, "application/json")
    assert 1 <= int(refused["Retry-After"]) <= 100
    assert [_post(client, "heartbeat", caller.token).status_code for _ in range(3)] == [200, 200, 429]
    assert _post(client, "tasks/next", other_key).status_code == 200


@pytest.mark.django_db
def test_an_unknown_key_is_limited_like_a_known_one(settings: LazySettings) -> None:
    settings.AGENT_RATE_PER_SEC, settings.AGENT_RATE_BURST = 0.01, 1
    client = APIClient()
    assert [_post(client, "heartbeat", "pcp_unknown").status_code for _ in range(2)] == [401, 429]


def test_nothing_but_the_agent_api_is_limited(settings: LazySettings) -> None:
    settings.AGENT_RATE_PER_SEC, settings.AGENT_RATE_BURST = 0.01, 1

    def behind(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=204)

    door = FrontDoor(behind)
    request = RequestFactory().get("/api/v1/agents", headers={"Authorization": "Bearer pcp_x"})
    assert [door(request).status_code for _ in range(3)] == [204] * 3


def test_as_set_an_agent_may_send_a_hundred_times_the_heartbeats_that_it_is_asked_for(settings: LazySettings) -> None:
    allowed: float = settings.AGENT_RATE_PER_SEC
    assert allowed * settings.TIMINGS.renew_every >= 100
    assert settings.AGENT_RATE_BURST >= 50
