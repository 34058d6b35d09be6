"""Sends the one request of an `http` agent. Standard library only; reads the request as JSON from stdin.

Prints the answer, writes what came of it to the result file, and exits 0 for 2xx, 1 for any other answer, 124 when
the time was up. The time limit covers the whole exchange.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import urllib.error
import urllib.request
from typing import Any

MOST_ANSWER_BYTES = 1_048_576


class TimeUpError(Exception):
    """The time limit passed."""


def main() -> int:
    """Send, write down, and return the exit code."""
    request = json.load(sys.stdin)
    limit = request["timeout"]
    if limit:
        signal.signal(signal.SIGALRM, _time_up)
        signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        status, body = send(request)
    except TimeUpError:
        return finish(request, 124, errorCode="timeout", errorMessage=f"No complete answer within {limit:g} s")
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "reason", None) or problem
        return finish(request, 1, errorCode="http_unreachable", errorMessage=f"The call failed: {reason}")
    signal.setitimer(signal.ITIMER_REAL, 0)
    sys.stdout.write(f"{body}\n")
    if 200 <= status < 300:
        return finish(request, 0, httpStatus=status, answer=parsed(body))
    return finish(
        request, 1, httpStatus=status, errorCode="http_status", errorMessage=f"The agent answered with HTTP {status}"
    )


def send(request: dict[str, Any]) -> tuple[int, str]:
    """Status and body of the answer. Redirects of a POST are not followed: they are an answer like any other."""
    data = None if request["method"] in {"GET", "HEAD"} else json.dumps(request["body"]).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json", **request["headers"]}
    call = urllib.request.Request(request["url"], data=data, headers=headers, method=request["method"])  # noqa: S310
    try:
        with urllib.request.build_opener(NoRedirects).open(call) as answer:
            return answer.status, answer.read(MOST_ANSWER_BYTES).decode("utf-8", "replace")
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read(MOST_ANSWER_BYTES).decode("utf-8", "replace")


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect could carry the agent's credentials to another place."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        """Never follow."""


def parsed(body: str) -> object:
    """The body as JSON, or None."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def finish(request: dict[str, Any], code: int, **outcome: object) -> int:
    """Write the outcome down, whole or not at all; say on stderr what went wrong."""
    path = request["resultFile"]
    with open(f"{path}.tmp", "w", encoding="utf-8") as file:
        json.dump(outcome, file)
    os.replace(f"{path}.tmp", path)
    if "errorMessage" in outcome:
        sys.stderr.write(f"{outcome['errorMessage']}\n")
    return code


def _time_up(_number: int, _frame: object) -> None:
    raise TimeUpError


if __name__ == "__main__":
    sys.exit(main())
