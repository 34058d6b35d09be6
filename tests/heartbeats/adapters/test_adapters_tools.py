"""The other command line tools: their commands, their streams, their troubles, and the ones that nobody knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.adapter_schemas import why_never_run
from agents.vocabulary import AdapterType
from heartbeats.execution.adapters import adapter_for, codex, cursor, gemini, hermes, opencode, pi
from heartbeats.execution.adapters.base import Ended, Invocation, Report, SetupError
from heartbeats.execution.excerpts import Excerpts
from heartbeats.runs.sessions import SessionState

SAVED = SessionState({"sessionId": "s-1"}, "s-1", "s-1")

CODEX = """\
{"type":"thread.started","thread_id":"0199a213-81c0-7800-8aa1-bbab2a035a53"}
{"type":"turn.started"}
{"type":"item.completed","item":{"id":"item_0","type":"reasoning","text":"**Looking around**"}}
{"type":"item.started","item":{"id":"item_1","type":"command_execution","command":"bash -lc ls","status":"in_progress"}}
{"type":"item.completed","item":{"id":"item_3","type":"agent_message","text":"The parser is fixed."}}
{"type":"turn.completed","usage":{"input_tokens":24763,"cached_input_tokens":24448,"output_tokens":122}}
"""
GEMINI = """\
{"type":"init","timestamp":"2026-03-07T13:40:51.667Z","session_id":"sess_123","model":"gemini-2.5-pro"}
{"type":"message","timestamp":"2026-03-07T13:40:51.670Z","role":"user","content":"hello"}
{"type":"message","timestamp":"2026-03-07T13:40:52.000Z","role":"assistant","content":"Let me see.","delta":true}
{"type":"tool_use","timestamp":"2026-03-07T13:40:53.000Z","tool_name":"read_file","tool_id":"t","parameters":{}}
{"type":"tool_result","timestamp":"2026-03-07T13:40:53.100Z","tool_id":"t","status":"success","output":"x"}
{"type":"message","timestamp":"2026-03-07T13:40:54.000Z","role":"assistant","content":"The parser ","delta":true}
{"type":"message","timestamp":"2026-03-07T13:40:54.100Z","role":"assistant","content":"is fixed.","delta":true}
{"type":"result","timestamp":"2026-03-07T13:40:55.000Z","status":"success","stats":{"total_tokens":500,\
"input_tokens":300,"output_tokens":200,"cached":100,"input":200,"duration_ms":5000,"tool_calls":1}}
"""
CURSOR = """\
{"type":"system","subtype":"init","apiKeySource":"login","cwd":"/p","session_id":"c6b62c6f","model":"Claude 4 Sonnet",\
"permissionMode":"default"}
{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":"The parser is fixed."}]},\
"session_id":"c6b62c6f"}
{"type":"result","subtype":"success","duration_ms":5234,"duration_api_ms":5234,"is_error":false,\
"result":"The parser is fixed.","session_id":"c6b62c6f","request_id":"10e11780",\
"usage":{"inputTokens":12,"outputTokens":34,"cacheReadTokens":56,"cacheWriteTokens":0}}
"""
OPENCODE = """\
{"type":"step_start","timestamp":1787482258116,"sessionID":"ses_fd1c","part":{"messageID":"m","type":"step-start"}}
{"type":"tool_use","timestamp":1787482259124,"sessionID":"ses_fd1c","part":{"type":"tool","tool":"read"}}
{"type":"step_finish","timestamp":1787482259168,"sessionID":"ses_fd1c","part":{"reason":"tool-calls",\
"type":"step-finish","tokens":{"total":8011,"input":7952,"output":35,"reasoning":24,"cache":{"write":0,"read":0}},\
"cost":0.01}}
{"type":"text","timestamp":1787482261701,"sessionID":"ses_fd1c","part":{"type":"text","text":"The parser is fixed."}}
{"type":"step_finish","timestamp":1787482261800,"sessionID":"ses_fd1c","part":{"reason":"stop","type":"step-finish",\
"tokens":{"input":48,"output":6,"reasoning":0,"cache":{"write":0,"read":7900}},"cost":0.02}}
"""
PI = """\
{"type":"session","version":3,"id":"019c-pi","timestamp":"2026-07-01T10:00:00.000Z","cwd":"/p"}
{"type":"agent_start"}
{"type":"turn_start"}
{"type":"message_end","message":{"role":"user","content":[{"type":"text","text":"mend it"}],"timestamp":1785449416262}}
{"type":"message_end","message":{"role":"assistant","content":[{"type":"thinking","thinking":"hm"},\
{"type":"toolCall","id":"t","name":"bash","arguments":{}}],"provider":"anthropic","model":"claude-sonnet-5",\
"usage":{"input":100,"output":20,"cacheRead":7,"cacheWrite":3,"totalTokens":130,"cost":{"total":0.01}},\
"stopReason":"toolUse","timestamp":1785449416263}}
{"type":"tool_execution_end","toolCallId":"t","toolName":"bash","result":{},"isError":true}
{"type":"message_end","message":{"role":"assistant","content":[{"type":"text","text":"The parser is fixed."}],\
"provider":"anthropic","model":"claude-sonnet-5","usage":{"input":50,"output":5,"cacheRead":100,"cacheWrite":0,\
"totalTokens":155,"cost":{"total":0.02}},"stopReason":"stop","timestamp":1785449416999}}
{"type":"turn_end","message":{"role":"assistant","content":[{"type":"text","text":"The parser is fixed."}],\
"usage":{"input":50,"output":5},"stopReason":"stop"},"toolResults":[]}
{"type":"agent_end","messages":[]}
"""
HERMES = """\
┊ 💻 $ pytest -q
The parser is fixed.

session_id: 20260701_101112_ab12cd
"""


def invocation(tmp_path: Path, session: SessionState, **config: Any) -> Invocation:
    return Invocation(
        run_id="r", agent_id="a", config=config, context={}, env={}, cwd=str(tmp_path), run_dir=tmp_path,
        session=session, task_text="Task: mend it",
    )  # fmt: skip


def report(adapter_type: str, tmp_path: Path, stdout: str, *, stderr: str = "", code: int = 0) -> Report:
    excerpts = Excerpts(stdout, stderr, stdout)
    ended = Ended(run_dir=tmp_path, excerpts=excerpts, exit_code=code, signal=None, timed_out=False)
    return adapter_for(adapter_type).report(ended)


@pytest.mark.parametrize(
    ("adapter_type", "argv"),
    [
        ("codex_local", "codex exec --json --skip-git-repo-check --model m resume s-1 -"),
        ("gemini_local", "gemini --output-format stream-json --resume s-1 --model m"),
        ("cursor", "cursor-agent -p --output-format stream-json --trust --resume s-1 --model m"),
        ("opencode_local", "opencode run --format json --session s-1 --model m"),
        ("pi_local", "pi --mode json --print --session s-1 --model m"),
    ],
)
def test_each_tool_resumes_in_its_own_words_and_reads_its_prompt_from_stdin(
    tmp_path: Path, adapter_type: str, argv: str
) -> None:
    plan = adapter_for(adapter_type).plan(invocation(tmp_path, SAVED, model="m"))
    assert " ".join(plan.argv) == argv
    assert "Task: mend it" in (plan.stdin or "")
    assert plan.instead is not None
    assert "s-1" not in plan.instead.argv


@pytest.mark.parametrize(
    ("adapter_type", "stream", "session", "usage", "cost"),
    [
        ("codex_local", CODEX, "0199a213-81c0-7800-8aa1-bbab2a035a53", (24763, 24448, 122), None),
        ("gemini_local", GEMINI, "sess_123", (300, 100, 200), None),
        ("cursor", CURSOR, "c6b62c6f", (12, 56, 34), None),
        ("opencode_local", OPENCODE, "ses_fd1c", (8000, 7900, 65), 0.03),
        ("pi_local", PI, "019c-pi", (150, 107, 25), 0.03),
        ("hermes_local", HERMES, "20260701_101112_ab12cd", None, None),
    ],
)
def test_each_stream_is_read(
    tmp_path: Path, adapter_type: str, stream: str, session: str, usage: tuple[int, int, int] | None, cost: float | None
) -> None:
    told = report(adapter_type, tmp_path, stream)
    assert (told.error_message, told.summary, told.session_id) == (None, "The parser is fixed.", session)
    names = ("inputTokens", "cachedInputTokens", "outputTokens")
    assert told.usage == (dict(zip(names, usage, strict=True)) if usage else None)
    assert told.cost_usd == (pytest.approx(cost) if cost is not None else None)


@pytest.mark.parametrize(
    ("adapter_type", "stream", "stderr", "family"),
    [
        ("codex_local", '{"type":"turn.failed","error":{"message":"You\'ve hit your usage limit."}}', "",
         "transient_upstream"),
        ("codex_local", "", "Not logged in. Run codex login.", "auth"),
        ("gemini_local", '{"type":"result","status":"error","error":{"message":"RESOURCE_EXHAUSTED"}}', "",
         "transient_upstream"),
        ("cursor", "", "Error: Authentication required. Please run 'agent login' first", "auth"),
        ("opencode_local", '{"type":"error","sessionID":"s","error":{"data":{"message":"rate limit"}}}', "",
         "transient_upstream"),
        ("opencode_local", '{"type":"error","error":{"name":"ProviderModelNotFoundError"}}', "", "model_not_found"),
        ("pi_local", '{"type":"error","message":"429 credits_exhausted"}', "", "billing"),
        ("pi_local", "", "Error: No API key found for anthropic. Use /login", "auth"),
        ("hermes_local", "Error: rate limit exceeded\n", "", "transient_upstream"),
    ],
)  # fmt: skip
def test_each_tools_troubles_have_their_family(
    tmp_path: Path, adapter_type: str, stream: str, stderr: str, family: str
) -> None:
    told = report(adapter_type, tmp_path, stream, stderr=stderr, code=1)
    assert told.error_family == family
    assert told.error_message


def test_every_type_that_may_be_configured_can_be_started_or_polls() -> None:
    for kind in AdapterType:
        if kind == AdapterType.REMOTE or why_never_run(kind):
            with pytest.raises(SetupError):
                adapter_for(kind)
        else:
            assert callable(adapter_for(kind).plan)


def test_pi_ends_with_0_also_when_its_provider_refused_and_that_is_a_failure(tmp_path: Path) -> None:
    refused = {
        "role": "assistant", "content": [], "provider": "openrouter", "model": "no/such", "stopReason": "error",
        "usage": {"input": 0, "output": 0, "cacheRead": 0, "cost": {"total": 0}},
        "errorMessage": "400 no/such is not a valid model ID",
    }  # fmt: skip
    events = [
        {"type": "session", "version": 3, "id": "s-9", "cwd": "/p"},
        {"type": "message_end", "message": refused},
        {"type": "turn_end", "message": refused, "toolResults": []},
        {"type": "agent_end", "messages": [refused]},
    ]
    told = report("pi_local", tmp_path, "\n".join(map(json.dumps, events)))
    assert (told.error_message, told.error_family) == ("400 no/such is not a valid model ID", "model_not_found")
    assert (told.session_id, told.usage) == ("s-9", {"inputTokens": 0, "cachedInputTokens": 0, "outputTokens": 0})
    answered = {"role": "assistant", "content": [{"type": "text", "text": "done"}], "stopReason": "stop"}
    events[3:] = [
        {"type": "agent_end", "messages": [refused], "willRetry": True},
        {"type": "message_end", "message": answered},
        {"type": "agent_end", "messages": [answered], "willRetry": False},
    ]
    recovered = report("pi_local", tmp_path, "\n".join(map(json.dumps, events)))
    assert (recovered.error_message, recovered.summary) == (None, "done")


def test_pi_that_was_cut_off_has_no_result(tmp_path: Path) -> None:
    told = report("pi_local", tmp_path, PI.rsplit("{", 1)[0])
    assert told.error_message == "pi ended without a result that can be read"


def test_hermes_takes_its_prompt_as_a_word_and_tells_its_session_last(tmp_path: Path) -> None:
    plan = adapter_for("hermes_local").plan(invocation(tmp_path, SAVED, model="m", dangerouslySkipPermissions=True))
    assert " ".join(plan.argv[:-1]) == "hermes chat --quiet --source tool --resume s-1 --model m --yolo --query"
    assert "Task: mend it" in plan.argv[-1]
    assert plan.stdin is None
    beside = report("hermes_local", tmp_path, "The parser is fixed.\n", stderr="\nsession_id: 20260701_101112_ab12cd\n")
    assert (beside.session_id, beside.summary) == ("20260701_101112_ab12cd", "The parser is fixed.")


def test_hermes_that_forgot_its_session_fails_and_drops_it_though_it_ends_with_0(tmp_path: Path) -> None:
    told = report("hermes_local", tmp_path, "Session not found: s-1\nUse a session ID from a previous run.\n")
    assert (told.error_message, told.session_id, told.clear_session) == ("Session not found: s-1", None, True)


@pytest.mark.parametrize("adapter_type", ["opencode_local", "pi_local", "hermes_local"])
def test_a_tool_that_says_nothing_of_its_billing_is_not_called_a_subscription(
    tmp_path: Path, adapter_type: str
) -> None:
    assert adapter_for(adapter_type).plan(invocation(tmp_path, SAVED)).remember["billingType"] is None


def test_a_safer_retry_of_codex_asks_for_no_special_effort(tmp_path: Path) -> None:
    from dataclasses import replace

    asked = invocation(tmp_path, SAVED, effort="high")
    assert 'model_reasoning_effort="high"' in adapter_for("codex_local").plan(asked).argv
    safer = replace(asked, context={"codexTransientFallbackMode": "safer_invocation"})
    assert "-c" not in adapter_for("codex_local").plan(safer).argv


def test_a_process_finds_its_session_and_its_handoff_in_its_environment(tmp_path: Path) -> None:
    from dataclasses import replace

    asked = replace(invocation(tmp_path, SAVED, command="true"), handoff="Session handoff: go on")
    assert adapter_for("process").plan(asked).env == {
        "EVERBEAT_SESSION_ID": "s-1",
        "EVERBEAT_SESSION_PARAMS_JSON": '{"sessionId": "s-1"}',
        "EVERBEAT_SESSION_HANDOFF": "Session handoff: go on",
    }


KINDS = [
    "init",
    "message",
    "result",
    "error",
    "thread.started",
    "item.completed",
    "turn.completed",
    "text",
    "step_finish",
    "session",
    "message_end",
    "agent_end",
]
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "session_id",
    "sessionID",
    "role",
    "content",
    "delta",
    "stats",
    "error",
    "item",
    "usage",
    "part",
    "severity",
    "message",
    "id",
)
EVENTS = st.fixed_dictionaries({"type": st.sampled_from(KINDS)}, optional=dict.fromkeys(FIELDS, JSON))


@pytest.mark.parametrize("parse", [tool.parse_stream for tool in (codex, cursor, gemini, opencode, pi)])
@given(st.lists(EVENTS, max_size=5))
def test_no_output_breaks_a_parser(parse: Any, lines: list[dict[str, Any]]) -> None:
    output = "\n".join(json.dumps(line) for line in lines)
    assert parse(output) == parse(output)


@given(st.text(), st.text())
def test_no_text_breaks_hermes(stdout: str, stderr: str) -> None:
    heard = hermes.both_streams(Excerpts(stdout, stderr, stdout))
    assert hermes.parse_output(heard) == hermes.parse_output(heard)
