"""`http`: one request to a web address. A small supervised child sends it, so that it is stopped like any process."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heartbeats.execution.adapters.base import RESULT_NAME, Ended, Invocation, Plan, Report, SetupError
from heartbeats.execution.adapters.results import read_result, report_of
from heartbeats.readings import number_of, object_of
from heartbeats.runs.environment import OURS
from heartbeats.vocabulary import ErrorCode

CALLER = Path(__file__).with_name("http_call.py")
_MARGIN_SEC = 5
_GRACE_SEC = 2.0
_HANDED_OVER = ("API_URL", "API_KEY", "COMPANY_ID", "TASK_ID", "WAKE_REASON", "WAKE_COMMENT_ID")


class HttpAdapter:
    """`url`, `method` (POST), `headers`, `timeoutMs` (0: none), `payloadTemplate`. All but 2xx fails (spec/4 12)."""

    def plan(self, invocation: Invocation) -> Plan:
        """The child that sends the request; the request itself, with its secrets, goes through its stdin."""
        config = invocation.config
        url = config.get("url")
        if not isinstance(url, str) or not url:
            raise SetupError("url_missing", "adapterConfig.url is not set, so there is nobody to call.")
        limit = max(0.0, number_of(config.get("timeoutMs"), 0)) / 1000
        request = {
            "url": url,
            "method": str(config.get("method") or "POST").upper(),
            "headers": {str(key): str(value) for key, value in object_of(config.get("headers")).items()},
            "timeout": limit or None,
            "body": request_body(invocation),
            "resultFile": str(invocation.run_dir / RESULT_NAME),
        }
        return Plan(
            argv=[sys.executable, "-I", str(CALLER)],
            stdin=json.dumps(request, default=str),
            timeout_sec=math.ceil(limit + _MARGIN_SEC) if limit else 0,
            timeout_configured="timeoutMs" in config,
            grace_sec=_GRACE_SEC,
        )

    def report(self, ended: Ended) -> Report:
        """What the caller wrote down; an answer that is itself a result is read as one."""
        outcome = read_result(ended.run_dir, "") or {}
        answer = object_of(outcome.get("answer"))
        report = report_of(answer) if answer else Report()
        timed_out = outcome.get("errorCode") == ErrorCode.TIMEOUT
        return _with_outcome(report, outcome, timed_out=timed_out)


def request_body(invocation: Invocation) -> dict[str, Any]:
    """The template with `agentId`, `runId` and `context` on top, and in `everbeat` what a process finds in its
    environment."""
    handed = {name: invocation.env.get(f"{OURS}{name}") for name in _HANDED_OVER}
    return {
        **object_of(invocation.config.get("payloadTemplate")),
        "agentId": invocation.agent_id,
        "runId": invocation.run_id,
        "context": dict(invocation.context),
        "everbeat": {
            **{_camel(name): value for name, value in handed.items() if value},
            "wake": invocation.wake_payload,
        },
    }


def _with_outcome(report: Report, outcome: Mapping[str, Any], *, timed_out: bool) -> Report:
    fields = {name: getattr(report, name) for name in Report.__dataclass_fields__}
    http_status = outcome.get("httpStatus")
    if http_status is not None:
        fields["result"] = {**(report.result or {}), "httpStatus": http_status}
    if outcome.get("errorCode"):
        fields["error_code"] = report.error_code or str(outcome["errorCode"])
        fields["error_message"] = report.error_message or str(outcome.get("errorMessage") or "The call failed.")
    return Report(**{**fields, "timed_out": timed_out})


def _camel(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)
