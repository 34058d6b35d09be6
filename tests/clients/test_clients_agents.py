"""Agents that Everbeat starts and that work with nothing but the environment they are given (spec/5 6, 7)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.trial.stack import Stack
from tests.clients.acting import first_run, log_of, make_issue, make_scripted_agent
from tests.clients.programs import MCP, MCP_SCRIPT, installed, node

pytestmark = [pytest.mark.clients, pytest.mark.xdist_group("clients"), pytest.mark.timeout(600)]


def test_an_agent_that_follows_the_skill_documents_finishes_its_issue(stack: Stack, company_id: str) -> None:
    agent_id = make_scripted_agent(stack, company_id, "skill_agent.py")
    issue = make_issue(stack, company_id, "Write it down", assigneeAgentId=agent_id, status="backlog")
    stack.client.post(f"/api/issues/{issue['id']}/comments", {"body": "Please begin."})
    run = first_run(stack, issue["id"])
    said = log_of(stack, run["id"])
    assert (run["status"], run["exitCode"]) == ("succeeded", 0), said
    assert f"worked on {issue['identifier']} for issue_commented" in said
    worked = stack.client.get(f"/api/issues/{issue['id']}")
    assert (worked["status"], worked["checkoutRunId"], worked["executionRunId"]) == ("done", None, None)
    assert worked["planDocument"]["body"] == "1. Ask\n2. Do"
    comments = stack.client.get(f"/api/issues/{issue['id']}/comments?order=asc")
    mine = [comment for comment in comments if comment["authorAgentId"] == agent_id]
    assert [comment["createdByRunId"] for comment in mine] == [run["id"]] * 2
    assert mine[-1]["body"] == "Did what was asked: Please begin."
    (child,) = stack.client.get(f"/api/companies/{company_id}/issues?parentId={issue['id']}")
    assert child["createdByAgentId"] == agent_id
    (question,) = stack.client.get(f"/api/issues/{issue['id']}/interactions")
    assert (question["sourceRunId"], question["createdByAgentId"]) == (run["id"], agent_id)


def test_an_agent_works_an_issue_through_the_mcp_tools_with_its_run_token(stack: Stack, company_id: str) -> None:
    server = installed(MCP) / MCP_SCRIPT
    agent_id = make_scripted_agent(stack, company_id, "mcp_agent.py", node(), str(server))
    issue = make_issue(stack, company_id, "Use the tools", assigneeAgentId=agent_id, status="todo")
    run = first_run(stack, issue["id"])
    log = log_of(stack, run["id"])
    assert (run["status"], run["exitCode"]) == ("succeeded", 0), log
    said = json.loads(next(line for line in log.splitlines() if line.startswith("{")))
    assert len(said["tools"]) == 41
    assert_worked(said, run["id"], agent_id, issue)
    assert_refused(said)
    worked = stack.client.get(f"/api/issues/{issue['id']}")
    assert (worked["status"], worked["checkoutRunId"], worked["executionRunId"]) == ("done", None, None)
    rows = stack.client.get(f"/api/issues/{issue['id']}/activity")
    by_agent = [row for row in rows if row["agentId"] == agent_id]
    assert {row["runId"] for row in by_agent} == {run["id"]}
    assert {"issue.comment_added", "issue.document_created", "issue.updated"} <= {row["action"] for row in by_agent}


def assert_worked(said: dict[str, Any], run_id: str, agent_id: str, issue: dict[str, Any]) -> None:
    assert (said["me"]["id"], said["me"]["companyId"]) == (agent_id, issue["companyId"])
    assert [row["identifier"] for row in said["inbox"]] == [issue["identifier"]]
    assert agent_id in [row["id"] for row in said["agents"]]
    assert (said["checkout"]["status"], said["checkout"]["checkoutRunId"]) == ("in_progress", run_id)
    assert said["context"]["issue"]["identifier"] == issue["identifier"]
    assert said["document"]["body"] == "Think first."
    assert [document["key"] for document in said["documents"]] == ["plan"]
    assert (said["question"]["kind"], said["question"]["sourceRunId"]) == ("request_confirmation", run_id)
    assert (said["child"]["parentId"], said["child"]["createdByAgentId"]) == (issue["id"], agent_id)
    assert (said["comment"]["createdByRunId"], said["comments"][0]["id"]) == (run_id, said["comment"]["id"])
    assert [row["id"] for row in said["listed"]] == [issue["id"]]
    assert (said["approval"]["status"], said["approval"]["requestedByAgentId"]) == ("pending", agent_id)
    assert [row["id"] for row in said["approvals"]] == [said["approval"]["id"]]
    assert said["health"]["status"] == "ok"
    assert said["projects"] == []
    assert (said["done"]["status"], said["done"]["comment"]["body"]) == ("done", "Finished through tools.")


def assert_refused(said: dict[str, Any]) -> None:
    """A failed tool tells the whole envelope to the agent, details too (spec/5 9.2)."""
    stale = said["stale"]
    assert (stale["status"], stale["body"]["error"]) == (409, "Document update requires baseRevisionId")
    assert stale["body"]["details"]["currentRevisionId"] == said["document"]["latestRevisionId"]
    assert (said["unknown"]["status"], said["unknown"]["body"]) == (404, {"error": "Issue not found"})
    assert (said["decision"]["status"], said["decision"]["body"]["error"]) == (403, "Board access required")
