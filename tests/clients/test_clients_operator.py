"""An operator at the command line 2026.707.0: what its commands print and how they end (spec/5 2, 5, 9)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from config.trial.stack import Stack
from tests.clients.acting import first_run, make_issue, make_shell_agent, wait_for_run
from tests.clients.programs import CLI_NEW, Cli, cli_of, payload

pytestmark = [pytest.mark.clients, pytest.mark.xdist_group("clients"), pytest.mark.timeout(600)]

PROCESS = {"adapterType": "process", "adapterConfig": {"command": "true"}}


def test_companies_are_listed_founded_changed_and_archived(cli: Cli) -> None:
    made = cli.json("company", "create", *payload(name="Founded here", budgetMonthlyCents=500))
    listed, got, stats, who, health = cli.together(
        ["company", "list"],
        ["company", "get", made["id"]],
        ["company", "stats", "--json"],
        ["whoami", "--json"],
        ["health", "--json"],
    )
    row = next(row for row in listed.rows() if row["id"] == made["id"])
    assert (row["status"], row["budgetMonthlyCents"], row["spentMonthlyCents"]) == ("active", "500", "0")
    assert row["requireBoardApprovalForNewAgents"] == "false"
    assert (got.json()["name"], got.json()["pauseReason"]) == ("Founded here", None)
    assert stats.json()[made["id"]] == {"agentCount": 0, "issueCount": 0}
    assert made["id"] in who.json()["companyIds"]
    assert (who.json()["source"], health.json()["status"]) == ("board_key", "ok")
    assert cli.json("company", "update", made["id"], *payload(description="New"))["description"] == "New"
    assert cli.json("company", "archive", made["id"])["status"] == "archived"


def test_agents_are_made_hired_paused_and_given_keys(cli: Cli, stack: Stack) -> None:
    agent, hired = (
        done.json()
        for done in cli.together(
            ["agent", "create", *payload(name="Ada Worker", **PROCESS), "-C", cli.company_id, "--json"],
            ["agent", "hire", *payload(name="Bob", **PROCESS), "-C", cli.company_id, "--json"],
        )
    )
    assert (agent["status"], agent["urlKey"], hired["agent"]["status"]) == ("idle", "ada-worker", "idle")
    assert hired["approval"] is None
    paused = cli.json("agent", "pause", agent["id"])
    assert (paused["status"], paused["pauseReason"]) == ("paused", "manual")
    refused, resumed = cli("agent", "wake", agent["id"], code=1), cli.json("agent", "resume", agent["id"])
    assert refused.err.startswith("API error 409: Agent is not invokable in its current state details=")
    assert '"status":"paused"' in refused.err
    assert (resumed["status"], resumed["pauseReason"]) == ("idle", None)
    local, listed, configuration = cli.together(
        ["agent", "local-cli", "ada-worker", "--no-install-skills", "-C", cli.company_id],
        ["agent", "list", "-C", cli.company_id],
        ["agent", "configuration", agent["id"], "--json"],
    )
    assert {row["name"] for row in listed.rows()} == {"Ada", "Bob"}  # a list's values are cut at blanks here
    assert configuration.json()["adapterConfig"] == {"command": "true"}
    exported = dict(re.findall(r"export (PAPERCLIP_\w+)='(.*)'", local.out))
    assert exported["PAPERCLIP_AGENT_ID"] == agent["id"]
    assert exported["PAPERCLIP_COMPANY_ID"] == cli.company_id
    assert exported["PAPERCLIP_API_URL"] == stack.client.url
    as_agent = cli_of(CLI_NEW, stack, cli.home, cli.company_id, key=exported["PAPERCLIP_API_KEY"])
    assert as_agent.json("agent", "me")["id"] == agent["id"]


def test_tokens_of_agents_are_made_listed_and_revoked(cli: Cli, stack: Stack) -> None:
    agent_id = make_shell_agent(stack, cli.company_id, "true", name="Ada")
    made = cli.here("token", "agent", "create", "--agent", "ada", "--name", "laptop")
    assert (made["agentId"], made["agentName"], made["key"]["name"]) == (agent_id, "Ada", "laptop")
    assert made["key"]["token"].startswith("pcp_")
    (key,) = cli.here("token", "agent", "list", "--agent", agent_id)["keys"]
    assert (key["id"], key["revokedAt"], "token" in key) == (made["key"]["id"], None, False)
    revoked = cli.here("token", "agent", "revoke", made["key"]["id"], "--agent", agent_id)
    assert revoked == {"ok": True, "agentId": agent_id, "companyId": cli.company_id}


def test_issues_are_made_read_changed_discussed_and_deleted(cli: Cli) -> None:
    made = cli.here("issue", "create", "--title", "Find the leak", "--description", r"one\ntwo")
    assert (made["status"], made["priority"], made["description"]) == ("backlog", "medium", "one\ntwo")
    child = cli.json("issue", "child:create", made["id"], *payload(title="Part", blockParentUntilDone=True))
    changed = cli.json("issue", "update", made["id"], "--priority", "high", "--comment", "urgent")
    assert (changed["priority"], changed["comment"]["body"]) == ("high", "urgent")
    said = cli.json("issue", "comment", made["id"], "--body", "second")
    listed, got, comments, one, empty = cli.together(
        ["issue", "list", "-C", cli.company_id, "--match", "leak"],
        ["issue", "get", made["identifier"].lower(), "--json"],
        ["issue", "comments", made["id"], "--order", "asc", "--json"],
        ["issue", "comment:get", made["id"], said["id"], "--json"],
        ["issue", "list", "-C", cli.company_id, "--status", "done"],
    )
    (row,) = listed.rows()
    assert (row["identifier"], row["status"], row["priority"]) == (made["identifier"], "backlog", "high")
    assert [blocker["id"] for blocker in got.json()["blockedBy"]] == [child["id"]]
    assert [comment["body"] for comment in comments.json()] == ["urgent", "second"]
    assert (one.json()["id"], empty.out.strip()) == (said["id"], "(empty)")
    unready, deleted = cli.together(
        ["issue", "update", made["id"], "--status", "in_progress"],
        ["issue", "delete", child["id"], "--yes", "--json"],
        codes=[1, 0],
    )
    assert unready.err.startswith("API error 422: ")
    assert deleted.json()["id"] == child["id"]
    assert cli("issue", "get", child["id"], code=1).err.strip() == "API error 404: Issue not found"


def test_a_checkout_wakes_its_agent_and_a_release_gives_the_issue_back(cli: Cli, stack: Stack) -> None:
    agent_id = make_shell_agent(stack, cli.company_id, "echo working")
    issue = make_issue(stack, cli.company_id)
    taken = cli.json("issue", "checkout", issue["id"], "--agent-id", agent_id)
    assert (taken["status"], taken["assigneeAgentId"], taken["checkoutRunId"]) == ("in_progress", agent_id, None)
    run = first_run(stack, issue["id"])
    assert run["contextSnapshot"]["wakeReason"] == "issue_checked_out"
    other = make_shell_agent(stack, cli.company_id, "true", name="Other")
    taken_already = cli("issue", "checkout", issue["id"], "--agent-id", other, code=1)
    assert taken_already.err.startswith("API error 409: Issue checkout conflict details=")
    released = cli.json("issue", "release", issue["id"])
    assert (released["status"], released["assigneeAgentId"], released["executionRunId"]) == ("todo", None, None)
    forced = cli.json("issue", "force-release", issue["id"])
    assert set(forced) == {"issue", "previous"}


def test_documents_are_kept_with_their_revisions(cli: Cli, stack: Stack) -> None:
    issue_id = make_issue(stack, cli.company_id)["id"]
    first = cli("issue", "document:put", issue_id, "plan", "--title", "Plan", "--body", "one").json()
    stale = cli("issue", "document:put", issue_id, "plan", "--body", "two", code=1)
    current = first["latestRevisionId"]
    told = f'API error 409: Document update requires baseRevisionId details={{"currentRevisionId":"{current}"}}'
    assert stale.err.strip() == told
    second = cli("issue", "document:put", issue_id, "plan", "--body", "two", "--base-revision-id", current).json()
    assert (second["body"], second["latestRevisionNumber"]) == ("two", 2)
    restored = cli("issue", "document:restore", issue_id, "plan", current).json()
    assert restored["body"] == "one"
    listed, revisions = cli.together(
        ["issue", "documents", issue_id, "--json"], ["issue", "document:revisions", issue_id, "plan", "--json"]
    )
    assert [document["key"] for document in listed.json()] == ["plan"]
    assert [row["revisionNumber"] for row in revisions.json()] == [3, 2, 1]


def test_tree_holds_pause_cancel_and_restore(cli: Cli, stack: Stack) -> None:
    root = make_issue(stack, cli.company_id, "Root")["id"]
    child = make_issue(stack, cli.company_id, "Child", parentId=root, status="todo")["id"]
    preview = cli.json("issue", "tree-preview", root, *payload(mode="pause"))
    assert preview["totals"]["affectedIssues"] == 2
    hold = cli.json("issue", "tree-hold:create", root, *payload(mode="pause", reason="wait"))["hold"]
    state = cli.json("issue", "tree-state", child)["activePauseHold"]
    assert (state["holdId"], state["rootIssueId"], state["isRoot"], state["reason"]) == (
        hold["id"],
        root,
        False,
        "wait",
    )
    assert cli.json("issue", "tree-hold:release", root, hold["id"])["status"] == "released"
    again = cli("issue", "tree-hold:release", root, hold["id"], code=1)
    assert again.err.strip() == "API error 409: Issue tree hold is already released"
    cli.json("issue", "tree-hold:create", root, *payload(mode="cancel"))
    assert stack.client.get(f"/api/issues/{child}")["status"] == "cancelled"
    cli.json("issue", "tree-hold:create", root, *payload(mode="restore"))
    assert stack.client.get(f"/api/issues/{child}")["status"] == "todo"


def test_a_spent_budget_stops_an_agent_until_it_is_raised(cli: Cli, stack: Stack) -> None:
    agent_id = make_shell_agent(stack, cli.company_id, "true")
    policy = cli.here("budget", "policy:upsert", *payload(scopeType="agent", scopeId=agent_id, amount=100))
    assert (policy["amount"], policy["status"], policy["remainingAmount"]) == (100, "ok", 100)
    moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    usage = {"agentId": agent_id, "provider": "anthropic", "model": "m", "costCents": 150, "occurredAt": moment}
    cli.here("cost", "event:create", *payload(**usage))
    blocked = cli("heartbeat", "run", "--agent-id", agent_id, code=1)
    assert blocked.err.strip() == "Agent is paused because its budget hard-stop was reached."
    by_agent, summary, overview = cli.together(
        ["cost", "by-agent", "-C", cli.company_id],
        ["cost", "summary", "-C", cli.company_id, "--json"],
        ["budget", "overview", "-C", cli.company_id, "--json"],
    )
    assert [(row["agentId"], row["costCents"]) for row in by_agent.rows()] == [(agent_id, "150")]
    assert summary.json()["spendCents"] == 150
    (incident,) = [row for row in overview.json()["activeIncidents"] if row["thresholdType"] == "hard"]
    raised = payload(action="raise_budget_and_resume", amount=1000)
    assert cli.here("budget", "incident:resolve", incident["id"], *raised)["status"] == "resolved"
    assert stack.client.get(f"/api/agents/{agent_id}")["status"] == "idle"
    assert cli.json("budget", "agent:update", agent_id, *payload(budgetMonthlyCents=2000))["budgetMonthlyCents"] == 2000


def test_approving_wakes_who_asked_and_interactions_are_answered(cli: Cli, stack: Stack) -> None:
    agent_id = make_shell_agent(stack, cli.company_id, "true")
    issue = make_issue(stack, cli.company_id, assigneeAgentId=agent_id)  # backlog: nothing is woken yet
    asked = ("--type", "approve_ceo_strategy", "--payload", "{}", "--requested-by-agent-id", agent_id)
    approval = cli.here("approval", "create", *asked, "--issue-ids", issue["id"])
    assert cli.json("approval", "approve", approval["id"], "--decision-note", "go")["status"] == "approved"
    run = first_run(stack, issue["id"])
    assert (run["contextSnapshot"]["wakeReason"], run["status"]) == ("approval_approved", "succeeded")
    rejected = cli("approval", "reject", approval["id"], code=1)
    assert rejected.err.startswith("API error 409: ")
    tasks = {"version": 1, "tasks": [{"clientKey": "a", "title": "A"}, {"clientKey": "b", "title": "B"}]}
    question = cli.json("issue", "interaction:create", issue["id"], *payload(kind="suggest_tasks", payload=tasks))
    accepted = cli.json("issue", "interaction:accept", issue["id"], question["id"], "--selected-client-keys", "a")
    assert accepted["status"] == "accepted"
    (child,) = stack.client.get(f"/api/companies/{cli.company_id}/issues?parentId={issue['id']}")
    assert child["title"] == "A"


def test_activity_and_dashboard_tell_what_happened(cli: Cli, stack: Stack) -> None:
    issue = make_issue(stack, cli.company_id)
    run = stack.client.post(f"/api/agents/{make_shell_agent(stack, cli.company_id, 'true')}/wakeup")
    wait_for_run(stack, run["id"])
    activity, dashboard = cli.together(
        ["activity", "list", "-C", cli.company_id, "--entity-type", "issue", "--entity-id", issue["id"]],
        ["dashboard", "get", "-C", cli.company_id, "--json"],
    )
    (row,) = activity.rows()
    assert (row["action"], row["actorType"], row["entityId"]) == ("issue.created", "user", issue["id"])
    shown = dashboard.json()
    assert shown["tasks"] == {"open": 1, "inProgress": 0, "blocked": 0, "done": 0}
    assert (len(shown["runActivity"]), shown["runActivity"][-1]["total"]) == (14, 1)
    assert shown["agents"]["active"] == 1


def test_refusals_are_printed_with_their_status_and_text(cli: Cli, stack: Stack) -> None:
    stranger = cli_of(CLI_NEW, stack, cli.home, cli.company_id, key="pcp_" + "0" * 48)
    assert stranger("company", "list", code=1).err.strip() == "API error 401: Unauthorized"
    issue_id = make_issue(stack, cli.company_id)["id"]
    read, written = cli.together(
        ["issue", "recovery-actions", issue_id], ["issue", "document:lock", issue_id, "plan"], codes=[1, 1]
    )
    assert read.err.strip() == written.err.strip() == "API error 404: API route not found"
