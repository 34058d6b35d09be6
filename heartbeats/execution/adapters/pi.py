"""`pi_local`: the command `pi`. It prints one JSON object per event, and ends with 0 even if its provider refused."""

from __future__ import annotations

from heartbeats.execution.adapters.local_cli import (
    LocalCli,
    LocalCliAdapter,
    always,
    file,
    option,
    resuming,
)
from heartbeats.execution.adapters.stream import Said, added, events, tokens
from heartbeats.execution.adapters.trouble import Kind, words
from heartbeats.readings import JsonObject, first_text, list_of, number_of, object_of, text_of
from heartbeats.vocabulary import ErrorFamily

UNKNOWN_SESSION = (r"no session found", r"session .{0,120}not found", r"unknown session")
_REFUSED = ("error", "aborted")

KINDS = (
    Kind(ErrorFamily.CONFIG, "pi_arguments_invalid", words(r"^(?:error: )?unknown (?:option|flag)")),
    Kind(
        ErrorFamily.AUTH,
        "pi_auth_required",
        words(
            r"no api key (?:found|for)", r"(?:invalid|incorrect) (?:x-)?api[- ]key", r"authentication_error",
            r"unauthorized", r"^401\b", r"use /login",
        ),
    ),
    Kind(
        ErrorFamily.BILLING,
        "pi_billing",
        words(r"insufficient_quota", r"insufficient (?:balance|credits?)", r"credit balance is too low",
              r"credits_exhausted", r"out of (?:extra )?usage"),
    ),
    Kind(
        ErrorFamily.MODEL_NOT_FOUND,
        "pi_model_not_found",
        words(r"not a valid model", r"model.{0,80}(?:not found|does not exist|not supported)", r"unknown model"),
    ),
    Kind(
        ErrorFamily.TRANSIENT_UPSTREAM,
        "pi_transient_upstream",
        words(
            r"rate[- _]?limit", r"too many requests", r"usage limit", r"overloaded", r"resource_exhausted",
            r"^(?:429|5\d\d)\b", r"\((?:429|5\d\d)\)", r"unavailable", r"internal server error",
            r"connection (?:error|reset|refused|timed out|lost)", r"socket connection was closed",
        ),
    ),
)  # fmt: skip


def parse_stream(output: str) -> Said:
    """The session, the last answer, and the sums of all messages. The last message decides: one that a retry followed
    is over. `agent_end` that says it will try again is no end.
    """
    session_id: str | None = None
    text: str | None = None
    refused: str | None = None
    model: str | None = None
    errors: list[str] = []
    used: dict[str, int] | None = None
    cost = 0.0
    concluded = False
    for event in events(output):
        kind = event.get("type")
        message = object_of(event.get("message"))
        if kind == "session":
            # a second start within the run: what the first one said is over
            session_id, errors, refused, concluded = text_of(event.get("id")), [], None, False
        elif kind == "message_end" and message.get("role") == "assistant":
            refused, text, model = _refusal(message), _text(message) or text, first_text(message.get("model"), model)
            usage = object_of(message.get("usage"))
            used = added(used, tokens(usage.get("input"), usage.get("cacheRead"), usage.get("output")))
            cost += max(0.0, number_of(object_of(usage.get("cost")).get("total"), 0))
        elif kind == "agent_end":
            concluded = event.get("willRetry") is not True
        elif kind == "error":
            errors += [told] if (told := text_of(event.get("message"))) else []
    problems = (*([refused] if refused else []), *errors)
    return Said(
        session_id=session_id,
        text=text,
        errors=problems,
        failed=bool(problems),
        concluded=concluded,
        usage=used,
        cost_usd=cost if used is not None else None,
        model=model,
    )


def _refusal(message: JsonObject) -> str | None:
    if message.get("stopReason") not in _REFUSED:
        return None
    return first_text(message.get("errorMessage")) or "pi's request to its provider failed"


def _text(message: JsonObject) -> str | None:
    blocks = (object_of(block) for block in list_of(message.get("content")))
    told = [text for block in blocks if block.get("type") == "text" and (text := text_of(block.get("text")))]
    return "\n\n".join(told) or None


PI = LocalCliAdapter(
    LocalCli(
        name="pi",
        command="pi",
        provider="pi",
        arguments=(
            always("--mode", "json", "--print"),
            resuming("--session"),
            option("provider", "--provider"),
            option("model", "--model"),
            option("thinking", "--thinking"),
            file("instructionsFilePath", "--append-system-prompt"),
        ),
        parse=parse_stream,
        kinds=KINDS,
        unknown_session=UNKNOWN_SESSION,
        counts_each_run=True,
    )
)
