"""Who a request is (spec/4 0 "Actors", and the departures at its top)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient

from agents.api.permissions import IsActor, IsAgent, IsBoard, IsInstanceAdmin
from agents.models import Agent, AgentKey
from agents.run_token import RunClaims, mint_run_token
from agents.vocabulary import AgentStatus, MemberRole
from config.common.clock import utc_now
from config.common.wire.views import WireView
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus, WakeupSource
from tests.agents.api.conftest import agent_client, board_client, client_with
from tests.factories.agents import AgentFactory, AgentKeyFactory, BoardKeyFactory, MemberFactory, UserFactory
from tests.present import present


class WhoAmI(WireView):
    """Tells the caller who it is."""

    def get(self, request: Request) -> Response:
        actor: Any = request.user
        return Response(
            {
                "source": actor.source,
                "id": actor.id,
                "run": str(actor.run_id) if actor.run_id else None,
                "epoch": actor.run_epoch,
                "companies": sorted(map(str, actor.company_ids)),
                "writable": sorted(map(str, actor.writable_company_ids)),
            }
        )

    post = get


urlpatterns = [
    path("who", WhoAmI.as_view(permission_classes=[IsActor])),
    path("board", WhoAmI.as_view(permission_classes=[IsBoard])),
    path("admin", WhoAmI.as_view(permission_classes=[IsInstanceAdmin])),
    path("agent", WhoAmI.as_view(permission_classes=[IsAgent])),
]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def run_of(agent: Agent, **columns: object) -> HeartbeatRun:
    now = utc_now()
    facts = {"status": RunStatus.RUNNING, "started_at": now, "lease_expires_at": now, "epoch": 3, **columns}
    return HeartbeatRun.objects.create(
        company=agent.company,
        agent=agent,
        invocation_source=WakeupSource.ON_DEMAND,
        adapter_type=agent.adapter_type,
        **facts,
    )


def token_of(run: HeartbeatRun, *, issued: datetime | None = None) -> str:
    claims = RunClaims(run.agent_id, run.company_id, run.id, run.adapter_type, run.epoch)
    return mint_run_token(claims, now=issued or utc_now()) or ""


def test_nobody_is_401_with_a_challenge() -> None:
    answer = APIClient().get("/who")
    assert (answer.status_code, answer.json(), answer["WWW-Authenticate"]) == (401, {"error": "Unauthorized"}, "Bearer")


@pytest.mark.parametrize("token", ["pcp_" + "0" * 48, "a.b.c", "", "nonsense"])
def test_a_bearer_that_matches_nothing_is_401_even_beside_a_session(token: str) -> None:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")
    client.force_login(UserFactory())
    assert client.get("/who").status_code == 401


def test_an_agent_key_is_its_agent_in_one_statement(django_assert_num_queries: Any) -> None:
    key = AgentKeyFactory(last_used_at=utc_now())
    with django_assert_num_queries(1):
        answer = client_with(key.token).get("/who").json()
    assert answer["source"] == "agent_key"
    assert answer["id"] == str(key.agent_id)
    assert answer["companies"] == answer["writable"] == [str(key.company_id)]


@pytest.mark.parametrize("status", [AgentStatus.TERMINATED, AgentStatus.PENDING_APPROVAL])
def test_keys_of_terminated_and_pending_agents_are_ignored(status: AgentStatus) -> None:
    assert agent_client(AgentFactory(status=status)).get("/who").status_code == 401


def test_a_paused_agent_still_authenticates() -> None:
    assert agent_client(AgentFactory(status=AgentStatus.PAUSED)).get("/who").status_code == 200


def test_revoked_keys_and_keys_of_disabled_people_are_ignored() -> None:
    assert client_with(AgentKeyFactory(revoked_at=utc_now()).token).get("/who").status_code == 401
    assert client_with(BoardKeyFactory(revoked_at=utc_now()).token).get("/who").status_code == 401
    assert client_with(BoardKeyFactory(user__is_active=False).token).get("/who").status_code == 401


def test_last_used_is_noted_at_most_once_a_minute() -> None:
    key = AgentKeyFactory(last_used_at=utc_now() - timedelta(seconds=50))
    client_with(key.token).get("/who")
    assert AgentKey.objects.get(id=key.id).last_used_at == key.last_used_at
    AgentKey.objects.filter(id=key.id).update(last_used_at=utc_now() - timedelta(seconds=61))
    client_with(key.token).get("/who")
    assert utc_now() - present(AgentKey.objects.get(id=key.id).last_used_at) < timedelta(seconds=30)


def test_a_board_key_sees_active_memberships_and_a_viewer_writes_nowhere() -> None:
    member = MemberFactory()
    reading = MemberFactory(user=member.user, role=MemberRole.VIEWER)
    MemberFactory(user=member.user, is_active=False)
    answer = board_client(member.user).get("/who").json()
    assert answer["companies"] == sorted([str(member.company_id), str(reading.company_id)])
    assert answer["writable"] == [str(member.company_id)]


def test_a_run_token_speaks_for_its_run_and_epoch() -> None:
    run = run_of(AgentFactory())
    answer = client_with(token_of(run)).get("/who").json()
    assert answer == {
        "source": "agent_jwt",
        "id": str(run.agent_id),
        "run": str(run.id),
        "epoch": 3,
        "companies": [str(run.company_id)],
        "writable": [str(run.company_id)],
    }


def test_a_run_token_dies_with_its_run_plus_the_grace() -> None:
    grace = timedelta(seconds=settings.RUN_TOKEN_GRACE_SEC)
    agent, now = AgentFactory(), utc_now()
    late = run_of(agent, status=RunStatus.SUCCEEDED, finished_at=now - grace + timedelta(seconds=30))
    dead = run_of(agent, status=RunStatus.SUCCEEDED, finished_at=now - grace - timedelta(seconds=1))
    assert client_with(token_of(late)).get("/who").status_code == 200
    assert client_with(token_of(dead)).get("/who").status_code == 401


def test_a_run_token_of_a_deleted_run_or_a_terminated_agent_or_another_time_is_401() -> None:
    run = run_of(AgentFactory())
    token = token_of(run)
    old = token_of(run, issued=datetime(2020, 1, 1, tzinfo=UTC))
    assert client_with(old).get("/who").status_code == 401
    Agent.objects.filter(id=run.agent_id).update(status=AgentStatus.TERMINATED)
    assert client_with(token).get("/who").status_code == 401
    Agent.objects.filter(id=run.agent_id).update(status=AgentStatus.IDLE)
    assert client_with(token).get("/who").status_code == 200
    run.delete()
    assert client_with(token).get("/who").status_code == 401


@pytest.mark.parametrize("header", ["X-Paperclip-Run-Id", "X-Everbeat-Run-Id"])
def test_the_run_header_must_name_a_run_of_the_calling_agent(header: str) -> None:
    agent = AgentFactory()
    mine, others = run_of(agent), run_of(AgentFactory(company=agent.company))
    client = agent_client(agent)
    assert client.get("/who", headers={header: str(mine.id).upper()}).json()["run"] == str(mine.id)
    for foreign in (str(others.id), "00000000-0000-4000-8000-000000000000", "not-a-run", "x' OR 1=1"):
        answer = client.get("/who", headers={header: foreign})
        assert (answer.status_code, answer.json()["error"]) == (403, "Run id does not name a run of the caller")


def test_a_person_may_name_runs_of_companies_it_sees_only() -> None:
    member = MemberFactory()
    inside, outside = run_of(AgentFactory(company=member.company)), run_of(AgentFactory())
    client = board_client(member.user)
    assert client.get("/who", HTTP_X_PAPERCLIP_RUN_ID=str(inside.id)).json()["run"] == str(inside.id)
    assert client.get("/who", HTTP_X_PAPERCLIP_RUN_ID=str(outside.id)).status_code == 403


def test_a_session_reads_freely_and_writes_only_from_a_page_of_ours() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(MemberFactory().user)
    assert client.get("/who").json()["source"] == "session"
    client.cookies["csrftoken"] = token = "a" * 32
    answer = client.post("/who", HTTP_ORIGIN="https://evil.example", HTTP_X_CSRFTOKEN=token)
    assert (answer.status_code, answer.json()["error"]) == (403, "Board mutation requires a trusted browser origin")
    assert client.post("/who", HTTP_X_CSRFTOKEN=token).status_code == 403
    assert client.post("/who", HTTP_ORIGIN="http://testserver").status_code == 403
    assert client.post("/who", HTTP_ORIGIN="http://testserver", HTTP_X_CSRFTOKEN=token).status_code == 200
    assert client.post("/who", HTTP_REFERER="http://testserver/board/", HTTP_X_CSRFTOKEN=token).status_code == 200


def test_a_board_key_needs_no_origin() -> None:
    assert board_client(UserFactory()).post("/who").status_code == 200


def test_the_texts_of_refusal_are_those_that_clients_know() -> None:
    person, admin, agent = board_client(UserFactory()), board_client(UserFactory(is_superuser=True)), AgentFactory()
    worker = agent_client(agent)
    assert _refused(worker, "/board") == (403, "Board access required")
    assert _refused(worker, "/admin") == (403, "Board access required")
    assert _refused(person, "/admin") == (403, "Instance admin required")
    assert _refused(person, "/agent") == (401, "Agent authentication required")
    assert (
        admin.get("/admin").status_code == worker.get("/agent").status_code == person.get("/board").status_code == 200
    )


def _refused(client: APIClient, url: str) -> tuple[int, str]:
    answer = client.get(url)
    return answer.status_code, answer.json()["error"]
