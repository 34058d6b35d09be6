"""An agent that does all its work through the tools of the MCP server, which it starts with its own environment.

Arguments: node, the server's script. Prints one JSON object: what each tool answered.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

TASK = os.environ["PAPERCLIP_TASK_ID"]


class Server:
    """JSON-RPC over the server's standard input and output, one message a line."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.last_id = 0

    def tell(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def ask(self, method: str, **params: Any) -> Any:
        self.last_id += 1
        self.tell({"id": self.last_id, "method": method, "params": params})
        assert self.process.stdout is not None
        for line in self.process.stdout:
            answer = json.loads(line)
            if answer.get("id") == self.last_id:
                return answer["result"]
        sys.exit(f"the server ended instead of answering {method}")

    def tool(self, name: str, **arguments: Any) -> Any:
        """What the tool answered; whether it failed is for the caller to see, as the server does not mark it."""
        text = self.ask("tools/call", name=f"paperclip{name}", arguments=arguments)["content"][0]["text"]
        try:
            return json.loads(text)
        except ValueError:
            return text


def work(server: Server) -> dict[str, Any]:
    """The day of an agent: who am I, what is there, take it, plan, write, ask, file, finish, try forbidden things."""
    said: dict[str, Any] = {"me": server.tool("Me"), "inbox": server.tool("InboxLite")}
    said["agents"] = server.tool("ListAgents")
    said["checkout"] = server.tool("CheckoutIssue", issueId=TASK)
    said["context"] = server.tool("GetHeartbeatContext", issueId=TASK)
    said["document"] = server.tool("UpsertIssueDocument", issueId=TASK, key="plan", body="Think first.")
    said["stale"] = server.tool("UpsertIssueDocument", issueId=TASK, key="plan", body="Overwrite it.")
    said["documents"] = server.tool("ListDocuments", issueId=TASK)
    prompt = {"version": 1, "prompt": "Merge?"}
    said["question"] = server.tool("RequestConfirmation", issueId=TASK, payload=prompt)
    said["child"] = server.tool("CreateIssue", title="A part of it", parentId=TASK)
    said["comment"] = server.tool("AddComment", issueId=TASK, body="Under way.")
    said["comments"] = server.tool("ListComments", issueId=TASK, order="asc")
    said["listed"] = server.tool("ListIssues", assigneeAgentId=os.environ["PAPERCLIP_AGENT_ID"])
    said["approval"] = server.tool(
        "CreateApproval", type="request_board_approval", payload={"title": "May I?"}, issueIds=[TASK]
    )
    said["approvals"] = server.tool("ListIssueApprovals", issueId=TASK)
    said["decision"] = server.tool("ApprovalDecision", approvalId=said["approval"].get("id"), action="approve")
    said["unknown"] = server.tool("GetIssue", issueId="NOPE-1")
    said["health"] = server.tool("ApiRequest", method="GET", path="/health")
    said["release"] = server.tool("ReleaseIssue", issueId=said["child"].get("id", ""))
    said["projects"] = server.tool("ListProjects")
    said["done"] = server.tool("UpdateIssue", issueId=TASK, status="done", comment="Finished through tools.")
    return said


def main() -> None:
    """Shake hands, work, print."""
    server = Server(*sys.argv[1:])
    client = {"name": "agent", "version": "1"}
    server.ask("initialize", protocolVersion="2024-11-05", capabilities={}, clientInfo=client)
    server.tell({"method": "notifications/initialized"})
    tools = [tool["name"] for tool in server.ask("tools/list")["tools"]]
    print(json.dumps({"tools": tools, **work(server)}), flush=True)
    assert server.process.stdin is not None
    server.process.stdin.close()
    server.process.wait(10)


main()
