"""The other command line tools: their commands, their streams, their troubles, and the ones that nobody knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.execution.adapters import adapter_for, codex, cursor, gemini, opencode
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
    ],
)
def test_each_stream_is_read(
    tmp_path: Path, adapter_type: str, stream: str, session: str, usage: tuple[int, int, int], cost: float | None
) -> None:
    told = report(adapter_type, tmp_path, stream)
    assert (told.error_message, told.summary, told.session_id) == (None, "The parser is fixed.", session)
    assert told.usage == dict(zip(("inputTokens", "cachedInputTokens", "outputTokens"), usage, strict=True))
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
    ],
)  # fmt: skip
def test_each_tools_troubles_have_their_family(
    tmp_path: Path, adapter_type: str, stream: str, stderr: str, family: str
) -> None:
    told = report(adapter_type, tmp_path, stream, stderr=stderr, code=1)
    assert told.error_family == family
    assert told.error_message


@pytest.mark.parametrize("adapter_type", ["pi_local", "hermes_local"])
def test_a_tool_whose_output_nobody_knows_is_refused_with_words(adapter_type: str) -> None:
    with pytest.raises(SetupError, match="run it as `process` instead") as refused:
        adapter_for(adapter_type)
    assert (refused.value.code, refused.value.family) == ("adapter_unavailable", "config")


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
]
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("session_id", "sessionID", "role", "content", "delta", "stats", "error", "item", "usage", "part", "severity")
EVENTS = st.fixed_dictionaries({"type": st.sampled_from(KINDS)}, optional=dict.fromkeys(FIELDS, JSON))


@pytest.mark.parametrize("parse", [tool.parse_stream for tool in (codex, cursor, gemini, opencode)])
@given(st.lists(EVENTS, max_size=5))
def test_no_output_breaks_a_parser(parse: Any, lines: list[dict[str, Any]]) -> None:
    output = "\n".join(json.dumps(line) for line in lines)
    assert parse(output) == parse(output)
