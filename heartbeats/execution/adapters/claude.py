"""`claude_local`: the command `claude`, which prints its life as JSON lines."""

from __future__ import annotations

from typing import Any

from heartbeats.execution.adapters.local_cli import (
    LocalCli,
    LocalCliAdapter,
    always,
    file,
    number,
    option,
    resuming,
    skills_folder,
    switch,
)
from heartbeats.execution.adapters.stream import Said, events, tokens
from heartbeats.execution.adapters.trouble import Kind, words
from heartbeats.readings import JsonObject, first_text, list_of, number_of, object_of, text_of
from heartbeats.vocabulary import ErrorCode, ErrorFamily

UNKNOWN_SESSION = (r"no conversation found with session id", r"session id .{0,80} (?:not found|does not exist)")
_MAX_TURNS = "error_max_turns"
_FACTS = ("subtype", "num_turns", "duration_ms", "stop_reason", "terminal_reason", "api_error_status")

KINDS = (
    Kind(
        ErrorFamily.CONFIG,
        "claude_arguments_invalid",
        words(r"^error: (?:unknown option|option .{0,80} argument)", r"cannot be used with root"),
    ),
    Kind(
        ErrorFamily.AUTH,
        "claude_auth_required",
        words(
            r"please run /login", r"not logged in", r"invalid (?:x-)?api[- ]key", r"authentication_error",
            r"oauth token (?:has|is) (?:expired|revoked)", r"api error: 401", r"login required",
        ),
    ),
    Kind(
        ErrorFamily.BILLING,
        "claude_billing",
        words(r"credit balance is too low", r"billing_error", r"payment required", r"api error: 402"),
    ),
    Kind(
        ErrorFamily.MODEL_NOT_FOUND,
        "claude_model_not_found",
        words(r"issue with the selected model", r"not_found_error.{0,80}model", r"model.{0,60}(?:not found|not exist)"),
    ),
    Kind(
        ErrorFamily.TRANSIENT_UPSTREAM,
        ErrorCode.CLAUDE_TRANSIENT_UPSTREAM,
        words(
            r"overloaded", r"rate[- _]?limit", r"too many requests", r"api error: (?:429|5\d\d)", r"usage limit",
            r"hit your .{0,30}limit", r"\d-hour limit", r"weekly limit", r"out of extra usage",
            r"service unavailable", r"temporarily unavailable", r"\(429\)", r"internal server error",
            r"connection (?:error|reset|refused|timed out)", r"request timed out",
        ),
    ),
)  # fmt: skip


def parse_stream(output: str) -> Said:
    """The stream's account: the last result decides, what came before it fills the gaps.

    A session that the tool does not know is never named, though the tool repeats its id.
    """
    init: JsonObject = {}
    result: JsonObject = {}
    limit: JsonObject = {}
    texts: list[str] = []
    session_id: str | None = None
    for event in events(output):
        kind = event.get("type")
        session_id = first_text(event.get("session_id"), session_id)
        if kind == "system" and event.get("subtype") == "init":
            init = event
            if result.get("is_error") is True:  # a second start within the run: what the first one said is over
                result, limit, texts = {}, {}, []
        elif kind == "assistant" and event.get("parent_tool_use_id") is None:
            texts += _texts(event)
        elif kind == "rate_limit_event":
            limit = object_of(event.get("rate_limit_info"))
        elif kind == "result":
            result = event
    return _said(init, result, limit, texts, session_id)


def _said(init: JsonObject, result: JsonObject, limit: JsonObject, texts: list[str], session_id: str | None) -> Said:
    failed = bool(result) and (result.get("is_error") is True or result.get("subtype") not in ("success", None))
    text = first_text(result.get("result"), texts[-1] if texts else None)
    errors = _errors(result, text) if failed else ()
    unknown = any(words(*UNKNOWN_SESSION).search(error) for error in errors)
    usage = object_of(result.get("usage"))
    return Said(
        session_id=None if unknown else session_id,
        text=None if unknown else text,
        errors=errors,
        failed=failed,
        concluded=bool(result),
        usage=tokens(usage.get("input_tokens"), usage.get("cache_read_input_tokens"), usage.get("output_tokens"))
        if usage
        else None,
        cost_usd=_cost(result.get("total_cost_usd")),
        model=first_text(init.get("model"), *object_of(result.get("modelUsage"))),
        billing_type=_billing(init.get("apiKeySource")),
        resets_at=number_of(limit.get("resetsAt"), 0) or None if limit.get("status") == "rejected" else None,
        # a session that ran out of turns would run out of them at once when it is resumed
        clear_session=unknown or result.get("subtype") == _MAX_TURNS,
        facts={key: result[key] for key in _FACTS if result.get(key) is not None},
    )


def _texts(event: JsonObject) -> list[str]:
    blocks = list_of(object_of(event.get("message")).get("content"))
    found = (object_of(block) for block in blocks)
    return [text for block in found if block.get("type") == "text" and (text := text_of(block.get("text")))]


def _errors(result: JsonObject, text: str | None) -> tuple[str, ...]:
    named = [error if isinstance(error, str) else text_of(object_of(error).get("message")) for error in _list(result)]
    told = [error for error in named if error]
    if result.get("subtype") == _MAX_TURNS and not told:
        told = [f"claude stopped after {result.get('num_turns', 'the most')} turns, which is its limit"]
    return (*told, *([text] if text and result.get("is_error") is True else []))


def _list(result: JsonObject) -> list[Any]:
    return list_of(result.get("errors"))


def _cost(value: object) -> float | None:
    cost = number_of(value, -1)
    return cost if cost >= 0 else None


def _billing(source: object) -> str | None:
    """`none` means that no key is used, hence a subscription; None: the stream did not say."""
    name = text_of(source)
    return None if name is None else "subscription" if name == "none" else "api"


CLAUDE = LocalCliAdapter(
    LocalCli(
        name="claude",
        command="claude",
        provider="anthropic",
        arguments=(
            always("--print", "-", "--output-format", "stream-json", "--verbose"),
            resuming("--resume"),
            switch("dangerouslySkipPermissions", "--dangerously-skip-permissions"),
            option("model", "--model"),
            option("effort", "--effort"),
            number("maxTurnsPerRun", "--max-turns"),
            file("instructionsFilePath", "--append-system-prompt-file"),
            skills_folder("--add-dir"),
        ),
        parse=parse_stream,
        kinds=KINDS,
        unknown_session=UNKNOWN_SESSION,
        keys=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
        verified_with="2.1",
    )
)
