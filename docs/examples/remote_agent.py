"""A remote agent in sixty lines of standard library: python remote_agent.py URL KEY COMMAND [ARGUMENT ...]

It lives, asks for work, runs COMMAND (EVERBEAT_TASK: the task as text), sends the output line by line, and reports.
"""
# ruff: noqa: INP001, S310, S311

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from subprocess import PIPE, STDOUT, Popen
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

URL, KEY, COMMAND = sys.argv[1].rstrip("/") + "/api/v1/agent/", sys.argv[2], sys.argv[3:]
running: dict[str, Popen[str]] = {}


def post(path: str, body: dict[str, Any], key: str = KEY, attempt: int = 0) -> dict[str, Any]:
    """Ask until there is an answer. A refusal (4xx) is one; no network and 5xx are tried again, ever more slowly."""
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    while True:
        try:
            return dict(json.load(urlopen(Request(URL + path, json.dumps(body).encode(), head), timeout=15)))
        except OSError as problem:
            if isinstance(problem, HTTPError) and problem.code < 500 and problem.code != 429:
                return dict(json.load(problem))
        attempt = min(attempt + 1, 7)
        time.sleep(2**attempt / 4 * random.uniform(0.5, 1))


def beat() -> None:
    while True:
        tasks = [{"taskId": run, "progress": 0, "speed": 0} for run in list(running)]
        answer = post("heartbeat", {"status": "busy", "currentTask": tasks[0]} if tasks else {"status": "online"})
        for run in set(answer.get("stopTaskIds", [])) & set(running):
            running[run].kill()  # not ours any more: cancelled, reassigned or given to somebody else
        time.sleep(answer.get("nextHeartbeatSec", 15))


def work(task: dict[str, Any]) -> None:
    run, token = task["id"], task["runToken"]
    env = {**os.environ, "EVERBEAT_RUN_ID": run, "EVERBEAT_API_KEY": token, "EVERBEAT_TASK": task["taskMarkdown"] or ""}
    running[run] = process = Popen(COMMAND, env=env, stdout=PIPE, stderr=STDOUT, text=True)
    for seq, line in enumerate(process.stdout or [], 1):
        if "error" in post(f"tasks/{run}/log", {"stream": "stdout", "chunk": line, "seq": seq}, token):
            process.kill()
    failed = {"status": "failed", "errors": [f"exit code {process.wait()}"]}
    post(f"tasks/{run}/report", failed if process.returncode else {"status": "completed"}, token)
    del running[run]


threading.Thread(target=beat, daemon=True).start()
while True:
    work(task) if (task := post("tasks/next", {}).get("task")) else time.sleep(3)
