"""The live feed on real PostgreSQL and Redis: gapless numbers, nothing missed, nothing announced that rolled back."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection, transaction
from psycopg import AsyncConnection

from agents.journal import emit
from agents.models import Company, LiveEvent, LiveFeed
from agents.vocabulary import LiveEventType
from config.database import conninfo
from heartbeats.live.push import push_transient
from heartbeats.live.relay import Relay
from tests.live import Socket, agent_token

pytestmark = [pytest.mark.django_db(transaction=True)]


def _company() -> Company:
    return Company.objects.create(name="Live", issue_prefix=f"L{uuid.uuid4().hex[:6].upper()}")


def _say(company: Company, count: int = 1) -> None:
    for number in range(count):
        emit(company.id, LiveEventType.AGENT_STATUS, {"n": number})


def _info() -> str:
    return conninfo(settings.DATABASES["default"] | {"NAME": connection.settings_dict["NAME"]})


@asynccontextmanager
async def _pumping() -> AsyncIterator[tuple[Relay, AsyncConnection[Any]]]:
    relay = Relay(_info(), get_channel_layer())
    async with await AsyncConnection.connect(_info(), autocommit=True) as link:
        yield relay, link


@asynccontextmanager
async def _socket(company: Company, token: str, query: str = "") -> AsyncIterator[Socket]:
    path = f"/api/companies/{company.id}/events/ws?token={token}{query}"
    socket = Socket(path)
    assert await socket.connect()
    try:
        yield socket
    finally:
        await socket.disconnect()


def test_numbers_are_gapless_per_company_and_in_order() -> None:
    ours, theirs = _company(), _company()
    _say(ours, 3)
    _say(theirs, 2)
    _say(ours, 1)

    async def pump() -> None:
        async with _pumping() as (relay, link):
            await relay.pump(link)

    asyncio.run(pump())
    _say(ours, 2)
    asyncio.run(pump())

    assert list(LiveEvent.objects.filter(company=ours).order_by("id").values_list("seq", flat=True)) == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]
    assert list(LiveEvent.objects.filter(company=theirs).order_by("id").values_list("seq", flat=True)) == [1, 2]
    assert LiveFeed.objects.get(company=ours).pushed_seq == 6


def test_a_rolled_back_change_is_never_announced() -> None:
    company = _company()
    with transaction.atomic():
        _say(company)
        transaction.set_rollback(True)
    assert not LiveEvent.objects.filter(company=company).exists()


@pytest.mark.parametrize("query", ["&since=0", "&since=2", ""])
def test_a_client_names_the_last_id_it_saw_and_gets_the_rest(query: str) -> None:
    company = _company()
    token = agent_token(company)
    _say(company, 3)

    async def scenario() -> list[int]:
        async with _pumping() as (relay, link):
            await relay.pump(link)
            async with _socket(company, token, query) as socket:
                await sync_to_async(_say)(company)
                await relay.pump(link)
                seen = [0]
                while seen[-1] != 4:
                    seen.append((await socket.receive_json())["id"])
                return seen[1:]

    expected = {"&since=0": [1, 2, 3, 4], "&since=2": [3, 4], "": [4]}
    assert asyncio.run(scenario()) == expected[query]


def test_a_client_that_was_away_too_long_is_told_to_fetch_everything() -> None:
    company = _company()
    token = agent_token(company)
    _say(company, 3)

    async def scenario() -> dict[str, Any]:
        async with _pumping() as (relay, link):
            await relay.pump(link)
            await LiveEvent.objects.filter(company=company, seq__lte=2).adelete()
            async with _socket(company, token, "&since=1") as socket:
                message: dict[str, Any] = await socket.receive_json()
                return message

    assert asyncio.run(scenario())["type"] == "live.resync"


def test_an_event_that_was_numbered_but_not_pushed_is_pushed_again() -> None:
    company = _company()
    token = agent_token(company)
    _say(company, 2)

    async def scenario() -> list[int]:
        async with _pumping() as (relay, link):
            await relay.pump(link)
            async with _socket(company, token) as socket:
                await LiveFeed.objects.filter(company=company).aupdate(pushed_seq=0)
                await sync_to_async(_say)(company)
                await relay.pump(link)
                return [(await socket.receive_json())["id"]]

    # The client already had 1 and 2 in its snapshot: only what is new reaches it, once.
    assert asyncio.run(scenario()) == [3]


def test_a_key_of_another_company_is_refused_before_the_upgrade() -> None:
    ours, theirs = _company(), _company()
    token = agent_token(theirs)

    async def scenario() -> bool:
        socket = Socket(f"/api/companies/{ours.id}/events/ws?token={token}")
        return await socket.connect()

    assert asyncio.run(scenario()) is False


@pytest.mark.parametrize("suffix", ["", "?token=pcp_wrong", "?token=a.b.c"])
def test_a_stranger_is_refused(suffix: str) -> None:
    company = _company()

    async def scenario() -> bool:
        socket = Socket(f"/api/companies/{company.id}/events/ws{suffix}")
        return await socket.connect()

    assert asyncio.run(scenario()) is False


def test_a_transient_message_reaches_open_sockets_without_a_number() -> None:
    company = _company()
    token = agent_token(company)

    async def scenario() -> dict[str, Any]:
        async with _socket(company, token) as socket:
            sent = await sync_to_async(push_transient, thread_sensitive=False)(
                company.id, "heartbeat.run.log", {"runId": "r", "logBytes": 7}, created_at="2026-01-01T00:00:00.000Z"
            )
            assert sent
            message: dict[str, Any] = await socket.receive_json()
            return message

    message = asyncio.run(scenario())
    assert (message["id"], message["payload"]["logBytes"]) == (None, 7)


def test_only_one_relay_leads() -> None:
    async def scenario() -> tuple[bool, bool]:
        async with _pumping() as (relay, first), _pumping() as (_, second):
            return await relay._lead(first), await relay._lead(second)

    assert asyncio.run(scenario()) == (True, False)
