"""The rest of the operator's commands of 2026.707.0 that this contract answers (spec/5 5): one look at each."""

from __future__ import annotations

import pytest

from config.trial.stack import Stack
from tests.clients.acting import make_issue, make_shell_agent, wait_for_run
from tests.clients.programs import CLI_NEW, Cli, cli_of, payload

pytestmark = [pytest.mark.clients, pytest.mark.xdist_group("clients"), pytest.mark.timeout(600)]


def test_an_operator_marks_issues_read_and_puts_them_away(cli: Cli, stack: Stack) -> None:
    issue = make_issue(stack, cli.company_id)
    read, archived = cli.together(
        ["issue", "read", issue["identifier"], "--json"], ["issue", "archive", issue["id"], "--json"]
    )
    assert (read.json()["issueId"], read.json()["lastReadAt"] is not None) == (issue["id"], True)
    assert archived.json()["archivedAt"] is not None
    mine = f"/api/companies/{cli.company_id}/issues?touchedByUserId=me&inboxArchivedByUserId=me"
    assert stack.client.get(mine) == []
    unread, unarchived = cli.together(
        ["issue", "unread", issue["id"], "--json"], ["issue", "unarchive", issue["id"], "--json"]
    )
    assert (unread.json()["removed"], unarchived.json()["removed"]) == (True, True)
    assert [row["id"] for row in stack.client.get(mine)] == [issue["id"]]


def test_agents_are_configured_looked_into_and_ended(cli: Cli, stack: Stack) -> None:
    agent_id = make_shell_agent(stack, cli.company_id, "true", name="Eve")
    changed = cli.json("agent", "update", agent_id, *payload(title="Tester"))
    assert changed["title"] == "Tester"
    rights = cli.json("agent", "permissions:update", agent_id, *payload(canCreateAgents=True, canAssignTasks=True))
    assert (rights["permissions"]["canCreateAgents"], rights["access"]["canAssignTasks"]) == (True, True)
    revisions, state, sessions, current, not_waiting = cli.together(
        ["agent", "config-revisions", agent_id, "--json"],
        ["agent", "runtime-state", agent_id, "--json"],
        ["agent", "task-sessions", agent_id, "--json"],
        ["company", "current", "--json"],
        ["agent", "approve", agent_id],
        codes=[0, 0, 0, 0, 1],
    )
    assert len(revisions.json()) >= 1
    assert (state.json()["agentId"], state.json()["sessionId"], sessions.json()) == (agent_id, None, [])
    assert current.json()["id"] == cli.company_id
    assert not_waiting.err.startswith("API error 409: ")
    assert cli.json("agent", "runtime-state:reset-session", agent_id)["clearedTaskSessions"] == 0
    key = stack.client.post(f"/api/agents/{agent_id}/keys", {"name": "k"})["token"]
    assert cli_of(CLI_NEW, stack, cli.home, cli.company_id, key=key).json("agent", "inbox") == []
    assert cli.json("agent", "terminate", agent_id)["status"] == "terminated"
    assert cli.json("agent", "delete", agent_id, "--yes") == {"ok": True}


def test_what_hangs_on_an_issue_is_read_and_changed(cli: Cli, stack: Stack) -> None:
    issue_id = make_issue(stack, cli.company_id)["id"]
    stack.client.post(f"/api/issues/{issue_id}/comments", {"body": "Hello"})
    cli("issue", "document:put", issue_id, "notes", "--body", "one")
    made = cli.json("issue", "work-product:create", issue_id, *payload(type="pull_request", provider="git", title="PR"))
    changed, context, runs, live, active, document = cli.together(
        ["issue", "work-product:update", made["id"], *payload(status="merged"), "--json"],
        ["issue", "heartbeat-context", issue_id, "--json"],
        ["issue", "runs", issue_id, "--json"],
        ["issue", "live-runs", issue_id, "--json"],
        ["issue", "active-run", issue_id, "--json"],
        ["issue", "document:get", issue_id, "notes", "--json"],
    )
    assert (changed.json()["status"], document.json()["body"]) == ("merged", "one")
    assert context.json()["commentCursor"]["totalComments"] == 1
    assert (runs.json(), live.json(), active.json()) == ([], [], None)
    products, activity, deleted, gone = cli.together(
        ["issue", "work-products", issue_id, "--json"],
        ["activity", "issue", issue_id, "--json"],
        ["issue", "document:delete", issue_id, "notes", "--json"],
        ["issue", "comment:delete", issue_id, context.json()["commentCursor"]["latestCommentId"]],
        codes=[0, 0, 0, 1],
    )
    assert [row["id"] for row in products.json()] == [made["id"]]
    assert "issue.work_product_created" in {row["action"] for row in activity.json()}
    assert deleted.json() == {"ok": True}
    assert gone.err.strip() == "API error 409: Comment cannot be withdrawn: no run is active"
    assert cli.json("issue", "work-product:delete", made["id"])["id"] == made["id"]


def test_questions_are_rejected_and_answered_and_approvals_linked(cli: Cli, stack: Stack) -> None:
    issue_id = make_issue(stack, cli.company_id)["id"]
    ask = ["issue", "interaction:create", issue_id]
    one = {"id": "q", "prompt": "Which?", "selectionMode": "single", "options": [{"id": "a", "label": "A"}]}
    kinds = [
        payload(kind="request_confirmation", payload={"version": 1, "prompt": "Ship?"}),
        payload(kind="ask_user_questions", payload={"version": 1, "questions": [one]}),
    ]
    confirmation, questions = (done.json()["id"] for done in cli.together(*([*ask, *kind, "--json"] for kind in kinds)))
    rejected, answered = cli.together(
        ["issue", "interaction:reject", issue_id, confirmation, "--reason", "no", "--json"],
        ["issue", "interaction:respond", issue_id, questions,
         "--answers-json", '[{"questionId": "q", "optionIds": ["a"]}]', "--json"],
    )  # fmt: skip
    assert (rejected.json()["status"], answered.json()["status"]) == ("rejected", "answered")
    approval = cli.here("approval", "create", "--type", "approve_ceo_strategy", "--payload", "{}")["id"]
    assert [row["id"] for row in cli.json("issue", "approval:link", issue_id, approval)] == [approval]
    holds, unlinked = cli.together(
        ["issue", "tree-holds", issue_id, "--status", "active", "--json"],
        ["issue", "approval:unlink", issue_id, approval, "--json"],
    )
    assert (holds.json(), unlinked.json()) == ([], {"ok": True})


def test_runs_budgets_and_the_document_itself(cli: Cli, stack: Stack) -> None:
    agent_id = make_shell_agent(stack, cli.company_id, "true")
    run_id = stack.client.post(f"/api/agents/{agent_id}/wakeup")["id"]
    wait_for_run(stack, run_id)
    operations, decided, budget, noted, document = cli.together(
        ["run", "workspace-operations", run_id, "--json"],
        ["run", "watchdog-decision", run_id, "--decision", "continue", "--reason", "fine", "--json"],
        ["budget", "company:update", *payload(budgetMonthlyCents=900), "-C", cli.company_id, "--json"],
        ["activity", "create", *payload(actorId="me", action="noted", entityType="thing", entityId="1"),
         "-C", cli.company_id, "--json"],
        ["openapi", "--json"],
    )  # fmt: skip
    assert isinstance(operations.json(), list)
    assert (decided.json()["decision"], decided.json()["runId"]) == ("continue", run_id)
    assert (budget.json()["budgetMonthlyCents"], noted.json()["action"]) == (900, "noted")
    assert "/api/issues/{ref}/read" in document.json()["paths"]
