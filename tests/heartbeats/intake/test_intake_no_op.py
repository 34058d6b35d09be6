"""The heartbeat that changes nothing is answered at the door, and nobody can tell but by its speed (spec/1 C)."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.test import APIClient

from agents.heartbeat_decision import REPORTABLE, Changed, decide_heartbeat
from agents.models import Agent, AgentKey
from agents.vocabulary import Presence
from heartbeats.intake.front_door import FrontDoor
from heartbeats.intake.no_op import hear_no_op
from issues.vocabulary import Priority
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import assigned_to
from tests.heartbeats.intake.conftest import BASE, Caller, calling
from tests.racing import somebody_waits_for_a_lock
from tests.waiting import wait_for

BODY = b'{"status":"online"}'


def beat(caller: Caller, body: bytes = BODY, content_type: str = "application/json", **more: Any) -> Any:
    """A heartbeat with exactly these bytes; only the plain content type passes the door."""
    client: Any = APIClient(raise_request_exception=False)  # its stub wants the body as text
    token = f"Bearer {caller.token}"
    return client.generic("POST", f"{BASE}/heartbeat", body, content_type, HTTP_AUTHORIZATION=token, **more)


@pytest.mark.django_db
@pytest.mark.parametrize("stored", list(Presence))
@pytest.mark.parametrize("payload", sorted(REPORTABLE))
def test_the_door_answers_exactly_what_the_decision_leaves_unchanged(stored: Presence, payload: Presence) -> None:
    caller = calling(presence=stored)
    changes = isinstance(decide_heartbeat(payload=payload, severity=None, stored=stored), Changed)
    assert (hear_no_op(caller.token, payload, now=timezone.now()) is None) == changes
    assert caller.fresh().presence == stored


@pytest.mark.django_db
def test_the_answer_at_the_door_is_the_views_own() -> None:
    caller = calling()
    at_the_door, by_the_view = beat(caller), beat(caller, content_type="application/json; charset=utf-8")
    assert at_the_door.status_code == by_the_view.status_code == 200
    assert at_the_door.json().keys() == by_the_view.json().keys()
    assert _headers(at_the_door) == _headers(by_the_view)


@pytest.mark.django_db
def test_only_what_passes_the_door_is_not_seen_by_the_view(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = calling()
    monkeypatch.setattr("heartbeats.intake.views.hear", None)
    assert beat(caller).status_code == 200
    assert beat(caller, b'{"status":"online","mood":null}').status_code == 200
    for body in (b'{"status":"online","capabilities":{}}', b'{"status":"busy"}'):
        assert beat(caller, body).status_code == 500


@pytest.mark.django_db
@pytest.mark.parametrize("body", [BODY, b'{"status":"busy"}', b'{"status":"online","deviceInfo":{}}', b"{"])
def test_no_heartbeat_pays_for_what_only_pages_need(body: bytes) -> None:
    """Sessions, cookies, messages: the middleware behind the door sees none."""

    def behind(_request: HttpRequest) -> HttpResponse:
        pytest.fail("a heartbeat went on behind the door")

    request = RequestFactory().post(
        f"{BASE}/heartbeat", body, "application/json", headers={"Authorization": f"Bearer {calling().token}"}
    )
    answer = FrontDoor(behind)(request)
    assert answer.status_code == (400 if body == b"{" else 200)
    assert answer["Content-Type"] == "application/json"
    assert answer["X-Frame-Options"] == "DENY"


@pytest.mark.django_db
def test_a_host_that_is_not_ours_is_refused_at_the_door_too() -> None:
    assert beat(calling(), HTTP_HOST="evil.example").status_code == 400


@pytest.mark.django_db
def test_the_key_is_touched_with_the_agent_once_a_minute() -> None:
    caller = calling()
    now = timezone.now()
    for seconds, used_at in ((0, 0), (30, 0), (61, 61)):
        hear_no_op(caller.token, Presence.ONLINE, now=now + timedelta(seconds=seconds))
        assert AgentKey.objects.get(agent=caller.agent).last_used_at == now + timedelta(seconds=used_at)
        assert caller.fresh().last_seen_at == now + timedelta(seconds=seconds)


@pytest.mark.django_db
def test_noting_that_an_agent_was_seen_moves_no_index_entry() -> None:
    caller = calling()
    before = _updates()
    for seconds in range(0, 60, 6):
        hear_no_op(caller.token, Presence.ONLINE, now=timezone.now() + timedelta(seconds=seconds))
    all_updates, hot_updates = (after - earlier for after, earlier in zip(_updates(), before, strict=True))
    assert all_updates == hot_updates == 10


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_that_waits_while_the_sweep_calls_its_agent_silent_wins() -> None:
    caller = calling()
    answers: list[Any] = []

    def in_a_thread() -> None:
        answers.append(beat(caller))
        connection.close()

    thread = threading.Thread(target=in_a_thread)
    with transaction.atomic():
        Agent.objects.filter(id=caller.agent.id).update(presence=Presence.OFFLINE)
        thread.start()
        wait_for(somebody_waits_for_a_lock, what="the heartbeat to wait for the agent's row")
    thread.join(10)
    assert answers[0].status_code == 200
    assert caller.fresh().presence == Presence.ONLINE
    assert [change["from"] for change in caller.presence_changes()] == ["offline"]


@pytest.mark.django_db(transaction=True)
def test_an_agent_that_was_seen_just_now_waits_for_no_lock() -> None:
    caller = calling(last_seen_at=timezone.now())
    with psycopg.connect(**_address()) as other:
        other.execute("select 1 from agents_agent where id = %s for update", [caller.agent.id])
        # Within a transaction: the setting must not stay with a connection that goes back to the pool.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("set local lock_timeout = '100ms'")
            assert hear_no_op(caller.token, Presence.ONLINE, now=timezone.now()) is not None


@pytest.mark.django_db
def test_an_answer_means_committed_to_disk_for_this_heartbeat_too() -> None:
    """spec/6 G1: nothing in the statement makes its commit any weaker than the server's own."""
    caller = calling()
    with connection.cursor() as cursor:
        cursor.execute("set local synchronous_commit = on")
        assert hear_no_op(caller.token, Presence.ONLINE, now=timezone.now()) is not None
        cursor.execute("show synchronous_commit")
        assert cursor.fetchone() == ("on",)


@pytest.mark.django_db
def test_stops_and_hints_come_through_the_door() -> None:
    caller = calling()
    HeartbeatRunFactory(agent=caller.agent, issue=assigned_to(caller.agent, priority=Priority.CRITICAL))
    heard = hear_no_op(caller.token, Presence.ONLINE, now=timezone.now())
    assert heard is not None
    assert heard.critical_waits
    assert beat(caller).json()["hasHighPriorityTasks"] is True


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [(OperationalError("gone"), 503, "SERVICE_UNAVAILABLE"), (RuntimeError("secret"), 500, "HEARTBEAT_ERROR")],
)
def test_a_fault_at_the_door_is_the_views_refusal(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int, code: str
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise fault

    caller = calling()
    monkeypatch.setattr("heartbeats.intake.front_door.hear_no_op", broken)
    monkeypatch.setattr("heartbeats.intake.views.hear", broken)
    at_the_door, by_the_view = beat(caller), beat(caller, content_type="application/json; charset=utf-8")
    assert (at_the_door.status_code, at_the_door.json()["error"]["code"]) == (status, code)
    assert (by_the_view.status_code, by_the_view.json()) == (status, at_the_door.json())
    assert at_the_door.get("Retry-After") == by_the_view.get("Retry-After")
    assert at_the_door["X-Request-Id"]
    assert by_the_view["X-Request-Id"]


def _headers(response: Any) -> dict[str, str]:
    """All but the length, which differs with the digits of `nextHeartbeatSec`."""
    assert int(response["Content-Length"]) == len(response.content)
    return {name: value for name, value in response.headers.items() if name != "Content-Length"}


def _updates() -> tuple[int, int]:
    """Those of this transaction: the server's totals take in at any moment what other connections did before."""
    with connection.cursor() as cursor:
        cursor.execute("select n_tup_upd, n_tup_hot_upd from pg_stat_xact_user_tables where relname = 'agents_agent'")
        updates, hot = cursor.fetchone()
    return updates, hot


def _address() -> dict[str, Any]:
    named = connection.settings_dict
    return {
        "dbname": named["NAME"],
        "user": named["USER"],
        "password": named["PASSWORD"],
        "host": named["HOST"],
        "port": named["PORT"],
    }
