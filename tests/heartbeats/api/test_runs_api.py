"""Runs over HTTP, from the outside (spec/4 section 3)."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from heartbeats.execution import rundir
from heartbeats.models import HeartbeatRun, RunEvent, TaskSession
from heartbeats.runs import operating
from heartbeats.vocabulary import RunStatus
from tests.factories.heartbeats import EnvironmentLeaseFactory, HeartbeatRunFactory, finished_run, running_run
from tests.factories.issues import IssueFactory
from tests.heartbeats.api.conftest import House

pytestmark = pytest.mark.django_db


def _log(tmp_path: Path, run: HeartbeatRun, lines: list[str]) -> None:
    stored = rundir.create(tmp_path, f"{run.id}-1")
    text = "".join(json.dumps({"ts": "t", "stream": "stdout", "chunk": line}) + "\n" for line in lines)
    stored.log_path.write_text(text, encoding="utf-8")
    HeartbeatRun.objects.filter(id=run.id).update(log_ref=f"{run.id}-1", log_store="local_file")


def test_the_list_is_newest_first_and_short(ours: House) -> None:
    issue = IssueFactory(company=ours.company)
    old = finished_run(agent=ours.agent, result={"summary": "s" * 600, "stdout": "x", "stopReason": "completed"})
    new = HeartbeatRunFactory(agent=ours.agent, issue=issue, context={"issueId": str(issue.id), "secretish": 1})
    rows = ours.board.get(f"/api/companies/{ours.company.id}/heartbeat-runs").json()
    assert [row["id"] for row in rows] == [str(new.id), str(old.id)]
    assert rows[0]["contextSnapshot"] == {"issueId": str(issue.id)}
    assert (rows[1]["resultJson"]["summary"], rows[1]["stdoutExcerpt"]) == ("s" * 500, None)
    assert "stdout" not in rows[1]["resultJson"]
    assert "outputSilence" not in rows[0]
    assert "issueCommentStatus" not in rows[0]


@pytest.mark.parametrize(("limit", "count"), [("1", 1), ("0", 1), ("5000", 3), ("many", 3), ("", 3)])
def test_a_limit_is_clamped_and_an_unreadable_one_means_200(ours: House, limit: str, count: int) -> None:
    for _ in range(3):
        finished_run(agent=ours.agent)
    rows = ours.board.get(f"/api/companies/{ours.company.id}/heartbeat-runs?limit={limit}").json()
    assert len(rows) == count


def test_the_list_costs_the_same_however_long_it_is(ours: House) -> None:
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            ours.board.get(f"/api/companies/{ours.company.id}/heartbeat-runs?agentId={ours.agent.id}")
        return len(seen)

    finished_run(agent=ours.agent)
    first = statements()
    for _ in range(20):
        finished_run(agent=ours.agent)
    assert statements() <= first


def test_live_runs_are_padded_with_finished_ones(ours: House) -> None:
    for _ in range(3):
        finished_run(agent=ours.agent)
    queued = HeartbeatRunFactory(agent=ours.agent)
    rows = ours.board.get(f"/api/companies/{ours.company.id}/live-runs?minCount=3").json()
    assert (rows[0]["id"], len(rows), rows[0]["agentName"]) == (str(queued.id), 3, ours.agent.name)


@pytest.mark.parametrize("query", ["minCount=51", "limit=-1", "minCount=x"])
def test_live_runs_refuse_bad_counts(ours: House, query: str) -> None:
    assert ours.board.get(f"/api/companies/{ours.company.id}/live-runs?{query}").status_code == 400


def test_one_run_says_that_its_retries_ran_out(ours: House) -> None:
    run = finished_run(agent=ours.agent, status=RunStatus.FAILED)
    said = "Bounded retry exhausted after 4 scheduled attempts"
    RunEvent.objects.create(
        company=ours.company, run=run, agent=ours.agent, seq=1, event_type="lifecycle", message=said
    )
    body = ours.worker.get(f"/api/heartbeat-runs/{run.id}").json()
    assert (body["retryExhaustedReason"], body["issueCommentStatus"]) == (said, "not_applicable")


def test_cancel_is_for_people_and_a_finished_run_is_answered_unchanged(ours: House) -> None:
    run = finished_run(agent=ours.agent)
    assert ours.worker.post(f"/api/heartbeat-runs/{run.id}/cancel", {}, format="json").status_code == 403
    answer = ours.board.post(f"/api/heartbeat-runs/{run.id}/cancel", {}, format="json")
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")


def test_a_cancel_that_cannot_be_logged_does_not_happen(ours: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last write of the transaction fails, as a full disk would make it."""

    def broken(*_rows: object) -> None:
        raise OSError("disk full")

    run = running_run(agent=ours.agent)
    monkeypatch.setattr(operating, "log_activity", broken)
    ours.board.raise_request_exception = False
    assert ours.board.post(f"/api/heartbeat-runs/{run.id}/cancel", {}, format="json").status_code == 500
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING


def test_events_come_in_order_after_a_number_with_their_secrets_masked(ours: House) -> None:
    run = running_run(agent=ours.agent)
    for seq in (1, 2, 3):
        RunEvent.objects.create(
            company=ours.company, run=run, agent=ours.agent, seq=seq, event_type="lifecycle", payload={"apiKey": "k"}
        )
    rows = ours.board.get(f"/api/heartbeat-runs/{run.id}/events?afterSeq=1&limit=1").json()
    assert [(row["seq"], row["runId"], row["payload"]) for row in rows] == [(2, str(run.id), {"apiKey": "[REDACTED]"})]


def test_a_log_is_paged_in_whole_lines(ours: House, tmp_path: Path, settings: LazySettings) -> None:
    settings.RUNS_DIR = tmp_path
    run = running_run(agent=ours.agent)
    url = f"/api/heartbeat-runs/{run.id}/log"
    assert ours.board.get(url).status_code == 404
    _log(tmp_path, run, ["one", "two", "three"])
    first = ours.board.get(f"{url}?limitBytes=60")
    page = first.json()
    assert first["Cache-Control"] == "no-cache, no-store"
    chunks = [json.loads(line)["chunk"] for line in page["content"].splitlines()]
    rest = ours.board.get(f"{url}?offset={page['nextOffset']}").json()
    chunks += [json.loads(line)["chunk"] for line in rest["content"].splitlines()]
    assert (chunks, "nextOffset" in rest) == (["one", "two", "three"], False)
    whole = ours.board.get(f"{url}.txt")
    assert b"".join(whole.streaming_content) == b"onetwothree"  # type: ignore[attr-defined]


def test_the_issues_of_a_run_are_those_it_ran_for_and_unknown_runs_have_none(ours: House) -> None:
    issue = IssueFactory(company=ours.company)
    run = finished_run(agent=ours.agent, issue=issue)
    assert [row["issueId"] for row in ours.board.get(f"/api/heartbeat-runs/{run.id}/issues").json()] == [str(issue.id)]
    assert ours.board.get(f"/api/heartbeat-runs/{uuid.uuid4()}/issues").json() == []


def test_the_active_run_of_an_issue_is_its_lock_or_null(ours: House) -> None:
    issue = IssueFactory(company=ours.company)
    assert ours.board.get(f"/api/issues/{issue.id}/active-run").json() is None
    run = running_run(agent=ours.agent, issue=issue)
    type(issue).objects.filter(id=issue.id).update(execution_run=run)
    assert ours.board.get(f"/api/issues/{issue.identifier}/active-run").json()["id"] == str(run.id)
    assert [row["id"] for row in ours.board.get(f"/api/issues/{issue.id}/live-runs").json()] == [str(run.id)]
    assert [row["runId"] for row in ours.board.get(f"/api/issues/{issue.id}/runs").json()] == [str(run.id)]


def test_waking_queues_a_run_and_waking_again_coalesces(ours: House) -> None:
    url = f"/api/agents/{ours.agent.id}/wakeup"
    body = {"source": "on_demand", "triggerDetail": "manual"}
    first = ours.board.post(url, body, format="json")
    again = ours.worker.post(url, body, format="json")
    assert (first.status_code, first.json()["status"]) == (202, "queued")
    assert again.json()["id"] == first.json()["id"]


def test_an_agent_wakes_only_itself(ours: House) -> None:
    other = HeartbeatRunFactory(agent__company=ours.company).agent
    answer = ours.worker.post(f"/api/agents/{other.id}/wakeup", {}, format="json")
    assert (answer.status_code, answer.json()["error"]) == (403, "Agent can only invoke itself")


def test_a_paused_agent_is_a_conflict_that_names_its_status(ours: House) -> None:
    type(ours.agent).objects.filter(id=ours.agent.id).update(status="paused")
    answer = ours.board.post(f"/api/agents/{ours.agent.id}/heartbeat/invoke", {}, format="json")
    assert (answer.status_code, answer.json()["details"]["status"]) == (409, "paused")


def test_a_wakeup_that_is_skipped_says_so(ours: House) -> None:
    type(ours.agent).objects.filter(id=ours.agent.id).update(wake_on_demand=False)
    answer = ours.board.post(f"/api/agents/{ours.agent.id}/wakeup", {}, format="json")
    assert (answer.status_code, answer.json()["status"], answer.json()["reason"]) == (202, "skipped", "wakeup_skipped")


def test_an_idempotency_key_answers_with_the_first_run(ours: House) -> None:
    url = f"/api/agents/{ours.agent.id}/wakeup"
    body = {"idempotencyKey": "once"}
    first = ours.board.post(url, body, format="json").json()
    HeartbeatRun.objects.filter(id=first["id"]).update(status="cancelled", finished_at="2026-01-01T00:00:00Z")
    assert ours.board.post(url, body, format="json").json()["id"] == first["id"]
    assert HeartbeatRun.objects.count() == 1


@pytest.mark.parametrize(
    "body", [{"source": "nobody"}, {"triggerDetail": "x"}, {"payload": 7}, {"forceFreshSession": "y"}]
)
def test_a_bad_wakeup_body_is_refused_and_leaves_nothing(ours: House, body: dict[str, Any]) -> None:
    answer = ours.board.post(f"/api/agents/{ours.agent.id}/wakeup", body, format="json")
    assert (answer.status_code, answer.json()["error"]) == (400, "Validation error")
    assert not HeartbeatRun.objects.exists()


def test_resetting_a_session_forgets_it(ours: House) -> None:
    for key in ("a", "b"):
        TaskSession.objects.create(
            company=ours.company, agent=ours.agent, adapter_type=ours.agent.adapter_type, task_key=key
        )
    base = f"/api/agents/{ours.agent.id}"
    assert [row["taskKey"] for row in ours.board.get(f"{base}/task-sessions").json()] == ["b", "a"]
    done = ours.board.post(f"{base}/runtime-state/reset-session", {"taskKey": "a"}, format="json").json()
    assert (done["clearedTaskSessions"], done["sessionId"]) == (1, None)
    assert ours.board.post(f"{base}/runtime-state/reset-session", {}, format="json").json()["clearedTaskSessions"] == 1
    assert ours.board.get(f"{base}/runtime-state").json()["totalCostCents"] == 0


def _routes(house: House, run: HeartbeatRun, issue: Any) -> list[tuple[str, str]]:
    agent, company = house.agent.id, house.company.id
    reads = [
        f"companies/{company}/heartbeat-runs", f"companies/{company}/live-runs", f"heartbeat-runs/{run.id}",
        f"heartbeat-runs/{run.id}/events", f"heartbeat-runs/{run.id}/log", f"heartbeat-runs/{run.id}/log.txt",
        f"heartbeat-runs/{run.id}/workspace-operations", f"issues/{issue.id}/live-runs",
        f"issues/{issue.id}/active-run", f"issues/{issue.id}/runs", f"agents/{agent}/runtime-state",
        f"agents/{agent}/task-sessions",
    ]  # fmt: skip
    writes = [
        f"heartbeat-runs/{run.id}/cancel", f"agents/{agent}/wakeup", f"agents/{agent}/heartbeat/invoke",
        f"agents/{agent}/runtime-state/reset-session",
    ]  # fmt: skip
    return [("get", url) for url in reads] + [("post", url) for url in writes]


def test_a_stranger_reaches_nothing(ours: House, theirs: House) -> None:
    issue = IssueFactory(company=ours.company)
    run = running_run(agent=ours.agent, issue=issue)
    for method, url in _routes(ours, run, issue):
        for caller in (theirs.board, theirs.worker):
            answer = getattr(caller, method)(f"/api/{url}", {}, format="json")
            assert answer.status_code in (403, 404), (method, url, answer.content)
    assert theirs.board.get(f"/api/heartbeat-runs/{run.id}/issues").json() == []
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING
    assert HeartbeatRun.objects.count() == 1


@pytest.mark.parametrize(
    "url", ["heartbeat-runs/nonsense", "companies/nonsense/heartbeat-runs", "agents/no-such/wakeup"]
)
def test_a_malformed_id_is_a_404_or_422_never_a_500(ours: House, url: str) -> None:
    method = ours.board.post if url.endswith("wakeup") else ours.board.get
    assert method(f"/api/{url}", {}, format="json").status_code in (404, 422)


def test_an_unknown_route_is_the_contracts_404(ours: House) -> None:
    answer = ours.board.get("/api/goals/everything")
    assert (answer.status_code, answer.json()) == (404, {"error": "API route not found"})


def test_the_runs_of_an_issue_say_their_environment_and_where_retries_ran_out(ours: House) -> None:
    issue = IssueFactory(company=ours.company)
    bare = finished_run(agent=ours.agent, issue=issue)
    run = finished_run(agent=ours.agent, issue=issue)
    lease = EnvironmentLeaseFactory(run=run)
    RunEvent.objects.create(
        company=ours.company,
        run=run,
        agent=ours.agent,
        seq=9,
        event_type="lifecycle",
        message="Bounded retry exhausted",
    )
    rows = {row["runId"]: row for row in ours.board.get(f"/api/issues/{issue.id}/runs").json()}
    told = rows[str(run.pk)]
    assert (told["environmentLease"]["id"], told["environmentLease"]["status"]) == (str(lease.pk), lease.status)
    assert told["retryExhaustedReason"] == "Bounded retry exhausted"
    untold = rows[str(bare.pk)]
    assert (untold["environmentLease"], untold["retryExhaustedReason"]) == (None, None)
