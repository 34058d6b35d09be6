"""Faults of messages: lost, multiplied, late, unanswered (spec/6 rows 11, 12, 13, 17, 22, 24)."""

from __future__ import annotations

import json
import random
import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone

from agents.models import ActivityEvent
from agents.vocabulary import AdapterType
from config.common.after_commit import Message
from config.trial.client import Client
from heartbeats.execution import logs, rundir
from heartbeats.models import HeartbeatRun, LateReport
from heartbeats.vocabulary import RunStatus
from issues.models import Issue
from recovery.sweeps.catalogue import START_ORDER, sweep_named
from recovery.sweeps.run import run_sweep
from recovery.tasks import CONTROL, task_name
from recovery.vocabulary import SweepName
from tests.chaos.commit_cutter import CommitCutter
from tests.chaos.fault import Seen
from tests.chaos.world import World, reap
from tests.factories.agents import AgentFactory, BoardKeyFactory, CompanyFactory, MemberFactory
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import assigned_to
from tests.heartbeats.intake.conftest import Caller, calling
from tests.processes import database_url, free_port
from tests.waiting import wait_for

WAKEUPS = 500
AGENTS = 20
EACH = 3


def a_completion_arrives_after_the_verdict(world: World) -> Seen:
    """A remote agent was silent for longer than its lease; then it reports success."""
    caller, task = _task_in_hand()
    HeartbeatRun.objects.filter(pk=task["id"]).update(lease_expires_at=timezone.now() - timedelta(seconds=30))
    assert reap().counts == {"reaped": 1}
    began = time.monotonic()
    answer = Caller(caller.agent, task["runToken"]).post(
        f"tasks/{task['id']}/report", {"status": "completed", "summary": "late but done"}
    )
    took = time.monotonic() - began
    refusal = answer.json()["error"]
    assert (answer.status_code, refusal["code"], refusal["action"]) == (409, "STALE_EPOCH", "stop")
    kept = LateReport.objects.get(run_id=task["id"])
    assert (kept.payload or {})["summary"] == "late but done"
    run = HeartbeatRun.objects.get(pk=task["id"])
    assert (run.status, run.error_code) == ("failed", "agent_lost")
    assert run.retries.count() == 1
    return Seen("409 STALE_EPOCH with action stop; payload kept as late report; state unchanged, one retry", took)


def every_message_three_times_shuffled(world: World) -> Seen:
    """Rings and sweeps come in threes and in any order; a redelivery time-out of 5 s on top."""
    effects = world.folder / "effects"
    runs = [world.work.queue("sh", "-c", f"echo $EVERBEAT_RUN_ID >> {effects}") for _number in range(AGENTS)]
    world.machine.supervise()
    messages = [Message("heartbeats.tasks.start_runs", (str(run.agent_id),), "runs") for run in runs]
    messages += [Message(task_name(name), (), CONTROL) for name in START_ORDER]
    messages *= EACH
    random.Random(12).shuffle(messages)
    for message in messages:
        message()
    began = time.monotonic()
    world.machine.env["EVERBEAT_VISIBILITY_TIMEOUT_SEC"] = "5"
    world.machine.worker()
    ended = [world.work.ended(run, timeout=40) for run in runs]
    took = time.monotonic() - began
    wait_for(lambda: _waiting_messages("runs") + _waiting_messages("control") == 0, 20, what="empty queues")
    assert {(run.status, run.epoch, run.exit_code) for run in ended} == {("succeeded", 1, 0)}
    assert sorted(effects.read_text().split()) == sorted(str(run.pk) for run in runs)
    assert HeartbeatRun.objects.count() == AGENTS
    return Seen(f"{len(messages)} messages, {AGENTS} runs: each succeeded under epoch 1 with one side effect", took)


def redis_forgets_every_message(world: World) -> Seen:
    """500 agents have a queued run; Redis is emptied."""
    company = CompanyFactory()
    agents = [AgentFactory(company=company) for _number in range(WAKEUPS)]
    for agent in agents:
        HeartbeatRunFactory(agent=agent)
    HeartbeatRun.objects.update(created_at=timezone.now() - timedelta(seconds=5))
    _redis().flushdb()
    began = time.monotonic()
    assert run_sweep(sweep_named(SweepName.DISPATCH_QUEUED)).results.acted == WAKEUPS
    took = time.monotonic() - began
    found = _waiting_messages("runs")
    _redis().flushdb()
    assert found == WAKEUPS
    return Seen(f"one pass rang again for all {found}; none lost", took)


def the_answer_to_a_commit_is_lost(world: World) -> Seen:
    """The connection ends after COMMIT was sent; the client repeats with its key."""
    at = connection.settings_dict
    cutter = CommitCutter((at["HOST"], int(at["PORT"])), after=b"issues_issue")
    url = urlsplit(database_url())
    account = url.netloc.rpartition("@")[0]
    world.machine.env["DATABASE_URL"] = urlunsplit(url._replace(netloc=f"{account}@127.0.0.1:{cutter.port}"))
    member = MemberFactory()
    port = free_port()
    world.machine.api(port)
    client = Client(f"http://127.0.0.1:{port}", BoardKeyFactory(user=member.user).token)
    path = f"/api/companies/{member.company_id}/issues"
    body = {"title": "Asked once", "status": "backlog", "idempotencyKey": "row-17"}
    wait_for(lambda: _answers(client, path), 20, what="the API")
    try:
        cutter.arm()
        first, began = _status(client, path, body), time.monotonic()
        assert cutter.cuts == 1, f"nothing was cut, the answer was {first}"
        answers = [client.post(path, body) for _time in range(2)]
        took = time.monotonic() - began
    finally:
        cutter.close()
    assert first >= 500, first
    assert answers[0] == answers[1]
    (issue,) = Issue.objects.filter(title="Asked once")
    assert str(issue.pk) == answers[0]["id"]
    assert ActivityEvent.objects.filter(issue=issue, action="issue.created").count() == 1
    return Seen(f"the cut request got {first}; the repeats got the one issue, with one event", took)


def an_agents_clock_is_wrong(world: World) -> Seen:
    """Heartbeats that claim other centuries."""
    caller, task = _task_in_hand()
    began = time.monotonic()
    for claimed in ("1970-01-01T00:00:00Z", "2999-12-31T23:59:59Z", "not a time"):
        before = timezone.now()
        work = {"taskId": task["id"], "progress": 0.5, "speed": 1, "timestamp": claimed, "startedAt": claimed}
        assert caller.beat("busy", timestamp=claimed, sentAt=claimed, currentTask=work).status_code == 200
        run = HeartbeatRun.objects.get(pk=task["id"])
        assert run.lease_expires_at is not None
        assert timedelta(0) < run.lease_expires_at - before < timedelta(seconds=90)
        seen_at = caller.fresh().last_seen_at
        assert seen_at is not None
        assert abs(seen_at - before) < timedelta(seconds=10)
    assert reap().results.acted == 0
    return Seen(
        "leases and presence follow the database; nothing was decided by a claimed time", time.monotonic() - began
    )


def heartbeats_and_output_out_of_order(world: World) -> Seen:
    """Pieces of output come twice and late, heartbeats come shuffled and after the end."""
    caller, task = _task_in_hand()
    speaking = Caller(caller.agent, task["runToken"])
    dice, began = random.Random(24), time.monotonic()
    for number in range(1, 31):
        sent = [number, *dice.sample(range(1, number + 1), k=min(2, number))]
        for seq in sent:
            piece = {"stream": "stdout", "chunk": f"line {seq}\n", "seq": seq}
            assert speaking.post(f"tasks/{task['id']}/log", piece).status_code == 200
    beats = [{"taskId": task["id"], "progress": step / 10, "speed": 1} for step in range(10)] * 2
    dice.shuffle(beats)
    for beat in beats:
        assert caller.beat("busy", currentTask=beat).status_code == 200
    assert _lines_of(task["id"]) == [f"line {number}" for number in range(1, 31)]
    assert speaking.post(f"tasks/{task['id']}/report", {"status": "completed", "summary": "ok"}).status_code == 200
    ended = HeartbeatRun.objects.get(pk=task["id"])
    late = caller.beat("busy", currentTask=beats[0])
    assert late.status_code == 200
    after = HeartbeatRun.objects.get(pk=task["id"])
    assert (after.status, after.progress, after.lease_expires_at) == (
        "succeeded",
        ended.progress,
        ended.lease_expires_at,
    )
    return Seen(
        "every line stored once, in order; a heartbeat after the end changed nothing "
        "(progress has no number on the wire: the last to arrive counts while the run lives)",
        time.monotonic() - began,
    )


def _task_in_hand() -> tuple[Caller, dict[str, Any]]:
    caller = calling(adapter_type=AdapterType.REMOTE)
    HeartbeatRunFactory(agent=caller.agent, issue=assigned_to(caller.agent))
    task = caller.post("tasks/next").json()["task"]
    assert HeartbeatRun.objects.get(pk=task["id"]).status == RunStatus.RUNNING
    return caller, task


def _lines_of(run_id: str) -> list[str]:
    directory = rundir.locate(settings.RUNS_DIR, HeartbeatRun.objects.get(pk=run_id).log_ref or "none")
    assert directory is not None
    return "".join(logs.plain_text(directory.log_path)).splitlines()


def _answers(client: Client, path: str) -> bool:
    try:
        return client.send("GET", path, None)[0] == 200
    except OSError:
        return False


def _status(client: Client, path: str, body: dict[str, Any]) -> int:
    return client.send("POST", path, json.dumps(body).encode())[0]


def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL)


def _waiting_messages(queue: str) -> int:
    return int(_redis().llen(f"everbeat:{queue}"))
