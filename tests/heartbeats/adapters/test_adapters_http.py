"""The http adapter against a real server: what it sends, and what becomes of every kind of answer (spec/4 12)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent
from heartbeats.execution.starting import start_runs
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.heartbeats.supervisor.conftest import Work
from tests.processes import Machine

pytestmark = pytest.mark.processes


@dataclass
class FakeAgent:
    """A web server that answers as told and remembers what it was asked."""

    status: int = 200
    answer: bytes = b'{"summary": "answered"}'
    silent: threading.Event = field(default_factory=threading.Event)
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def peer() -> Iterator[FakeAgent]:
    fake = FakeAgent()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fake.asked.append(json.loads(body))
            fake.headers.append(dict(self.headers))
            if fake.status == 0:
                fake.silent.wait(20)
                return
            self.send_response(fake.status)
            self.send_header("Location", f"{fake.url}/elsewhere")
            self.end_headers()
            self.wfile.write(fake.answer)

        def log_message(self, *_args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield fake
    fake.silent.set()
    server.shutdown()
    server.server_close()


def test_the_body_is_the_template_with_agent_run_and_context(machine: Machine, work: Work, peer: FakeAgent) -> None:
    machine.supervise()
    run = call(work, peer, payloadTemplate={"team": "blue", "runId": "not this"}, headers={"X-Team": "blue"})
    assert (run.status, run.exit_code) == (RunStatus.SUCCEEDED, 0)
    assert run.result is not None
    assert (run.result["httpStatus"], run.result["summary"]) == (200, "answered")
    body = peer.asked[0]
    assert (body["team"], body["runId"], body["agentId"]) == ("blue", str(run.pk), str(run.agent_id))
    assert body["context"]["wakeReason"] == "issue_assigned"
    assert body["everbeat"]["apiKey"]
    assert peer.headers[0]["X-Team"] == "blue"


@pytest.mark.parametrize("status", [302, 404, 500])
def test_anything_but_2xx_fails(machine: Machine, work: Work, peer: FakeAgent, status: int) -> None:
    machine.supervise()
    peer.status = status
    run = call(work, peer)
    assert (run.status, run.error_code) == (RunStatus.FAILED, "http_status")
    assert str(status) in (run.error or "")
    assert len(peer.asked) == 1, "a redirect is not followed"


def test_no_answer_in_time_is_a_timeout(machine: Machine, work: Work, peer: FakeAgent) -> None:
    machine.supervise()
    peer.status = 0
    run = call(work, peer, timeoutMs=300)
    assert (run.status, run.error_code) == (RunStatus.TIMED_OUT, "timeout")
    assert run.result is not None
    assert run.result["effectiveTimeoutMs"] == 300


def test_nobody_there_fails_the_run(machine: Machine, work: Work) -> None:
    machine.supervise()
    run = call(work, FakeAgent(url="http://127.0.0.1:9"))
    assert (run.status, run.error_code) == (RunStatus.FAILED, "http_unreachable")


def call(work: Work, peer: FakeAgent, **config: Any) -> HeartbeatRun:
    agent: Agent = AgentFactory(adapter_type="http", adapter_config={"url": f"{peer.url}/wake", **config})
    run: HeartbeatRun = HeartbeatRunFactory(agent=agent)
    start_runs(agent.pk, now=timezone.now())
    return work.ended(run)
