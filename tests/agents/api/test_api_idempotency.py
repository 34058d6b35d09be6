"""`Idempotency-Key` and `idempotencyKey` (spec/4, departures)."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import Agent, IdempotencyRecord
from tests.agents.api.conftest import House

pytestmark = pytest.mark.django_db


def create(house: House, caller: Any, name: str = "Once", **headers: str) -> Any:
    return caller.post(f"/api/companies/{house.company.id}/agents", {"name": name}, format="json", **headers)


def test_a_key_is_the_callers_own(house: House) -> None:
    first = create(house, house.owner, HTTP_IDEMPOTENCY_KEY="k").json()
    second = create(house, house.ceo_caller, HTTP_IDEMPOTENCY_KEY="k").json()
    assert first["id"] != second["id"]
    assert Agent.objects.filter(name="Once").count() == 2


def test_a_key_belongs_to_one_route(house: House) -> None:
    create(house, house.owner, HTTP_IDEMPOTENCY_KEY="k")
    hired = house.owner.post(
        f"/api/companies/{house.company.id}/agent-hires", {"name": "Once"}, format="json", HTTP_IDEMPOTENCY_KEY="k"
    )
    assert hired.status_code == 201
    assert Agent.objects.filter(name="Once").count() == 2


def test_a_refusal_is_not_remembered(house: House) -> None:
    url = f"/api/companies/{house.company.id}/agents"
    body = {"name": "Once", "adapterType": "abacus"}
    assert house.owner.post(url, body, format="json", HTTP_IDEMPOTENCY_KEY="k").status_code == 422
    assert not IdempotencyRecord.objects.exists()
    assert create(house, house.owner, HTTP_IDEMPOTENCY_KEY="k").status_code == 201


def test_header_and_body_are_the_same_key(house: House) -> None:
    url = f"/api/companies/{house.company.id}/agents"
    first = create(house, house.owner, HTTP_IDEMPOTENCY_KEY="k").json()
    again = house.owner.post(url, {"name": "Once", "idempotencyKey": "k"}, format="json")
    assert (again.status_code, again.json()) == (201, first)


def test_the_repeat_keeps_keys_of_other_peoples_json(house: House) -> None:
    url = f"/api/companies/{house.company.id}/approvals"
    body = {"type": "request_board_approval", "payload": {"snake_case": {"deep_key": 1}}, "idempotencyKey": "k"}
    first, again = (house.owner.post(url, body, format="json").json() for _ in range(2))
    assert again == first
    assert again["payload"] == {"snake_case": {"deep_key": 1}}


def test_a_stranger_learns_nothing_from_a_known_key(house: House) -> None:
    create(house, house.owner, HTTP_IDEMPOTENCY_KEY="k")
    assert create(house, house.stranger, HTTP_IDEMPOTENCY_KEY="k").status_code == 403


def test_an_endless_key_is_400_and_a_blank_one_is_none(house: House) -> None:
    assert create(house, house.owner, HTTP_IDEMPOTENCY_KEY="k" * 256).status_code == 400
    for _ in range(2):
        assert create(house, house.owner, HTTP_IDEMPOTENCY_KEY=" ").status_code == 201
    assert not IdempotencyRecord.objects.exists()
