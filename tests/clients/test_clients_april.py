"""The command line 2026.403.0: the same contract, as it was in April (spec/5 3). It never sends the run header."""

from __future__ import annotations

import pytest

from config.trial.stack import Stack
from tests.clients.acting import make_issue, make_shell_agent
from tests.clients.programs import CLI_OLD, Cli, cli_of

pytestmark = [pytest.mark.clients, pytest.mark.xdist_group("clients"), pytest.mark.timeout(600)]


def test_the_april_commands_print_what_they_need(april_cli: Cli, stack: Stack) -> None:
    cli = april_cli
    agent_id = make_shell_agent(stack, cli.company_id, "true", name="Worker")
    made = cli.here("issue", "create", "--title", "April")
    assert cli.json("issue", "update", made["id"], "--comment", "so")["comment"]["body"] == "so"
    assert cli.json("issue", "comment", made["id"], "--body", "again")["body"] == "again"
    agents, issues, activity, company, dashboard = cli.together(
        ["agent", "list", "-C", cli.company_id],
        ["issue", "list", "-C", cli.company_id],
        ["activity", "list", "-C", cli.company_id],
        ["company", "get", cli.company_id],
        ["dashboard", "get", "-C", cli.company_id, "--json"],
    )
    (agent,), (issue,) = agents.rows(), issues.rows()
    assert (agent["id"], agent["role"], agent["status"]) == (agent_id, "general", "idle")
    assert (issue["identifier"], issue["status"], issue["title"]) == (made["identifier"], "backlog", "April")
    assert "issue.comment_added" in [row["action"] for row in activity.rows()]
    assert company.json()["id"] == dashboard.json()["companyId"] == cli.company_id


def test_an_agent_without_run_header_may_not_check_out(april_cli: Cli, stack: Stack) -> None:
    agent_id = make_shell_agent(stack, april_cli.company_id, "true")
    issue = make_issue(stack, april_cli.company_id)
    key = stack.client.post(f"/api/agents/{agent_id}/keys", {"name": "k"})["token"]
    as_agent = cli_of(CLI_OLD, stack, april_cli.home, april_cli.company_id, key=key)
    refused = as_agent("issue", "checkout", issue["id"], "--agent-id", agent_id, code=1)
    assert refused.err.strip() == "API error 401: Agent run id required"


def test_approvals_go_through_every_answer(april_cli: Cli, stack: Stack) -> None:
    cli = april_cli
    approval = cli.here("approval", "create", "--type", "approve_ceo_strategy", "--payload", '{"plan": "a"}')["id"]
    assert cli.json("approval", "request-revision", approval)["status"] == "revision_requested"
    assert cli.json("approval", "resubmit", approval, "--payload", '{"plan": "b"}')["payload"] == {"plan": "b"}
    assert cli.json("approval", "comment", approval, "--body", "hm")["body"] == "hm"
    assert cli.json("approval", "approve", approval)["status"] == "approved"
    (row,) = cli("approval", "list", "-C", cli.company_id).rows()
    assert (row["id"], row["type"], row["status"]) == (approval, "approve_ceo_strategy", "approved")
