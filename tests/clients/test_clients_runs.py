"""`heartbeat run` to its exit code, and the `run` commands, with both command lines (spec/5 4, 5, 9)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.trial.stack import Stack
from tests.clients.acting import make_shell_agent, wait_for_run
from tests.clients.programs import CLI_NEW, CLI_OLD, Cli, cli_of

pytestmark = [pytest.mark.clients, pytest.mark.xdist_group("clients"), pytest.mark.timeout(600)]

STAYS = "echo up; sleep 60"


@pytest.mark.parametrize("package", [CLI_NEW, CLI_OLD])
def test_heartbeat_run_follows_a_run_to_its_exit_code(
    stack: Stack, company_id: str, tmp_path: Path, package: str
) -> None:
    cli = cli_of(package, stack, tmp_path, company_id)
    good = make_shell_agent(stack, company_id, "echo hello; sleep 0.8; echo bye", name="Good")
    bad = make_shell_agent(stack, company_id, "echo broken >&2; exit 3", name="Bad")
    done, failed = cli.together(
        ["heartbeat", "run", "--agent-id", good], ["heartbeat", "run", "--agent-id", bad], codes=[0, 1]
    )
    assert "Invoked heartbeat run" in done.out
    assert "Adapter: process" in done.out
    assert "hello" in done.out.splitlines()
    assert done.out.rstrip().endswith("completed with status succeeded")
    assert stack.client.key not in done.out
    assert "completed with status failed" in failed.out
    assert "Process exited with code 3" in failed.out + failed.err


def test_heartbeat_run_gives_up_waiting_without_ending_the_run(cli: Cli, stack: Stack) -> None:
    agent_id = make_shell_agent(stack, cli.company_id, STAYS)
    late = cli("heartbeat", "run", "--agent-id", agent_id, "--timeout-ms", "1000", code=1)
    assert "CLI timed out after 1000ms" in late.out + late.err
    (run,) = stack.client.get(f"/api/companies/{cli.company_id}/heartbeat-runs?agentId={agent_id}")
    assert run["status"] == "running"
    stack.client.post(f"/api/agents/{agent_id}/pause")
    assert wait_for_run(stack, run["id"])["status"] == "cancelled"
    refused, unknown = cli.together(
        ["heartbeat", "run", "--agent-id", agent_id],
        ["heartbeat", "run", "--agent-id", "00000000-0000-4000-8000-000000000000"],
        codes=[1, 1],
    )
    assert (refused.out + refused.err).strip() == "Agent is not invokable in its current state"
    assert (unknown.out + unknown.err).strip() == "Agent not found"


def test_a_run_is_woken_watched_and_cancelled(cli: Cli, stack: Stack) -> None:
    agent_id = make_shell_agent(stack, cli.company_id, STAYS, name="Stays")
    woken = cli.here("agent", "wake", "stays", "--reason", "look", "--idempotency-key", "once")
    again, invoked = cli.together(
        ["agent", "wake", "stays", "--idempotency-key", "once", "-C", cli.company_id, "--json"],
        ["agent", "heartbeat:invoke", agent_id, "--json"],
    )
    assert woken["id"] == again.json()["id"] == invoked.json()["id"]
    wait_for_run(stack, woken["id"], {"running"})
    live, listed = cli.together(
        ["run", "live", "-C", cli.company_id], ["run", "list", "-C", cli.company_id, "--agent-id", agent_id]
    )
    for printed in (live, listed):
        (row,) = printed.rows()
        assert (row["id"], row["status"], row["invocationSource"]) == (woken["id"], "running", "on_demand")
    assert cli.json("run", "cancel", woken["id"])["status"] == "cancelled"
    ended = wait_for_run(stack, woken["id"])
    assert (ended["status"], ended["errorCode"]) == ("cancelled", "cancelled")


def test_a_finished_run_is_read_back(cli: Cli, stack: Stack) -> None:
    agent_id = make_shell_agent(stack, cli.company_id, "echo one; echo two >&2")
    run_id = stack.client.post(f"/api/agents/{agent_id}/wakeup")["id"]
    wait_for_run(stack, run_id)
    got, events, log, issues = cli.together(
        ["run", "get", run_id, "--json"],
        ["run", "events", run_id, "--json"],
        ["run", "log", run_id, "--json"],
        ["run", "issues", run_id],
    )
    assert (got.json()["status"], got.json()["exitCode"]) == ("succeeded", 0)
    assert [event["seq"] for event in events.json()] == [1, 2, 3]
    assert [event["eventType"] for event in events.json()] == ["lifecycle", "adapter.invoke", "lifecycle"]
    assert {event["runId"] for event in events.json()} == {run_id}
    lines = [json.loads(line) for line in log.json()["content"].splitlines()]
    written = {(line["stream"], line["chunk"]) for line in lines if line["stream"] != "system"}
    assert written == {("stdout", "one\n"), ("stderr", "two\n")}
    assert "nextOffset" not in log.json()
    assert issues.out.strip() == "(empty)"
