"""An agent as the published skill documents have it (spec/5 7, steps 1 to 7). It knows nothing but its variables."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

ENV = {name.removeprefix("PAPERCLIP_"): value for name, value in os.environ.items() if name.startswith("PAPERCLIP_")}
ME, RUN, COMPANY, TASK = ENV["AGENT_ID"], ENV["RUN_ID"], ENV["COMPANY_ID"], ENV["TASK_ID"]


def call(method: str, path: str, body: Any = None, *, missing_ok: bool = False) -> Any:
    headers = {"Authorization": f"Bearer {ENV['API_KEY']}", "Content-Type": "application/json"}
    headers |= {} if method == "GET" else {"X-Paperclip-Run-Id": RUN}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{ENV['API_URL']}/api/{path}", data, headers, method=method)
    try:
        return json.load(urllib.request.urlopen(request, timeout=20))
    except urllib.error.HTTPError as refused:
        if refused.code == 404 and missing_ok:
            return None
        sys.exit(f"{method} {path}: {refused.code} {refused.read().decode()}")  # a 409 too: never tried again


wake, me, issue = json.loads(ENV["WAKE_PAYLOAD_JSON"]), call("GET", "agents/me"), f"issues/{TASK}"
assert (me["id"], me["companyId"], wake["issue"]["id"]) == (ME, COMPANY, TASK)
assert TASK in [row["id"] for row in call("GET", "agents/me/inbox-lite")]
statuses = ["todo", "backlog", "blocked", "in_review"]
call("POST", f"{issue}/checkout", {"agentId": ME, "expectedStatuses": statuses})
context = call("GET", f"{issue}/heartbeat-context?wakeCommentId={ENV['WAKE_COMMENT_ID']}")
asked = call("GET", f"{issue}/comments/{ENV['WAKE_COMMENT_ID']}")
assert context["wakeComment"]["body"] == asked["body"] == wake["comments"][0]["body"]
assert call("GET", f"{issue}/comments?after={asked['id']}&order=asc") == []
assert call("GET", f"{issue}/documents/plan", missing_ok=True) is None
plan = call("PUT", f"{issue}/documents/plan", {"format": "markdown", "body": "1. Ask"})
more = {"format": "markdown", "body": "1. Ask\n2. Do", "baseRevisionId": plan["latestRevisionId"]}
assert call("PUT", f"{issue}/documents/plan", more)["latestRevisionNumber"] == 2
question = {"kind": "request_confirmation", "idempotencyKey": "go", "payload": {"version": 1, "prompt": "Ship it?"}}
assert call("POST", f"{issue}/interactions", question)["id"] == call("POST", f"{issue}/interactions", question)["id"]
child = call(
    "POST", f"companies/{COMPANY}/issues", {"title": "Follow up", "parentId": TASK, "blockedByIssueIds": [TASK]}
)
call("POST", f"{issue}/comments", {"body": f"Filed {child['identifier']}"})
call("PATCH", issue, {"status": "done", "comment": f"Did what was asked: {asked['body']}"})
print(f"worked on {context['issue']['identifier']} for {ENV['WAKE_REASON']}")
