"""`claude_local`: the command `claude`, which prints its life as JSON lines."""

from __future__ import annotations

from dataclasses import dataclass
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
# What a message that stands for a failed request is marked with, as far as it says more than its text.
_CATEGORIES = {
    "authentication_failed": "authentication_error",
    "oauth_org_not_allowed": "authentication_error",
    "verification_required": "authentication_error",
    "cloud_credential_error": "authentication_error",
    "account_on_hold": "billing_error",
    "billing_error": "billing_error",
    "model_not_found": "model not found",
    "rate_limit": "rate_limit",
    "overloaded": "overloaded",
    "server_error": "internal server error",
}
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
            r"oauth (?:token|session) (?:has |is )?(?:expired|revoked)", r"failed to authenticate",
            r"api error: 40[13]\b", r"login required",
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
            r"stream idle timeout",
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
    category: str | None = None
    session_id: str | None = None
    for event in events(output):
        kind = event.get("type")
        session_id = first_text(event.get("session_id"), session_id)
        if kind == "system" and event.get("subtype") == "init":
            init = event
            if result.get("is_error") is True:  # a second start within the run: what the first one said is over
                result, limit, texts, category = {}, {}, [], None
        elif kind == "assistant" and event.get("parent_tool_use_id") is None:
            texts += _texts(event)
            category = text_of(event.get("error"))
        elif kind == "rate_limit_event":
            limit = object_of(event.get("rate_limit_info"))
        elif kind == "result":
            result = event
    return _said(_Stream(init, result, limit, tuple(texts), category, session_id))


@dataclass(frozen=True, slots=True)
class _Stream:
    """What counts of a stream. `category` marks the last message when it stands for a failed request."""

    init: JsonObject
    result: JsonObject
    limit: JsonObject
    texts: tuple[str, ...]
    category: str | None
    session_id: str | None

    @property
    def failed(self) -> bool:
        """`subtype` alone says nothing: a failed request ends as `success` with `is_error`, older ones without."""
        ended_badly = self.result.get("is_error") is True or self.result.get("subtype") not in ("success", None)
        return bool(self.result) and (ended_badly or self.category is not None)


def _said(stream: _Stream) -> Said:
    init, result, limit = stream.init, stream.result, stream.limit
    text = first_text(result.get("result"), stream.texts[-1] if stream.texts else None)
    errors = _errors(stream, text) if stream.failed else ()
    unknown = any(words(*UNKNOWN_SESSION).search(error) for error in errors)
    usage = object_of(result.get("usage"))
    return Said(
        session_id=None if unknown else stream.session_id,
        text=None if unknown else text,
        errors=errors,
        failed=stream.failed,
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


def _errors(stream: _Stream, text: str | None) -> tuple[str, ...]:
    """The tool's words first, then what its marks add to them."""
    result = stream.result
    named = [error if isinstance(error, str) else text_of(object_of(error).get("message")) for error in _list(result)]
    told = [error for error in named if error]
    if result.get("subtype") == _MAX_TURNS and not told:
        told = [f"claude stopped after {result.get('num_turns', 'the most')} turns, which is its limit"]
    spoken = [text] if text and (result.get("is_error") is True or stream.category) else []
    status = number_of(result.get("api_error_status"), 0)
    mark = _CATEGORIES.get(stream.category or "") or (f"API Error: {status:g}" if status else None)
    return (*told, *spoken, *([mark] if mark else []))


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
        counts_each_run=True,
        verified_with="2.1",
    )
)
