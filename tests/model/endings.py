"""How an execution can end, as an adapter reports it."""

from __future__ import annotations

from heartbeats.runs.finalising import ExecutionResult

ENDINGS: dict[str, ExecutionResult] = {
    "succeeds with a summary": ExecutionResult(exit_code=0, summary="Fixed the parser and ran the tests."),
    "succeeds in silence": ExecutionResult(exit_code=0),
    "succeeds with a plan only": ExecutionResult(exit_code=0, summary="Next: I will write the parser."),
    "fails": ExecutionResult(exit_code=1, error_message="Traceback", error_code="adapter_failed"),
    "fails because the service upstream is busy": ExecutionResult(
        exit_code=1, error_message="529 overloaded", error_code="claude_transient_upstream"
    ),
    "fails for good, its login is gone": ExecutionResult(
        exit_code=1, error_message="401", error_code="adapter_failed", error_family="auth"
    ),
    "times out": ExecutionResult(timed_out=True, signal="SIGTERM"),
    "is killed by a signal": ExecutionResult(signal="SIGKILL"),
    "succeeds and costs 6 dollars": ExecutionResult(
        exit_code=0,
        summary="Done with the first half.",
        cost_usd=6.0,
        provider="anthropic",
        model="opus",
        billing_type="api",
        usage={"inputTokens": 10, "outputTokens": 10},
    ),
}
