"""`opencode_local`: the command `opencode run`, which prints one JSON object per part of its work."""

from __future__ import annotations

from heartbeats.execution.adapters.local_cli import LocalCli, LocalCliAdapter, always, option, resuming
from heartbeats.execution.adapters.stream import Said, added, events, tokens
from heartbeats.execution.adapters.trouble import Kind, words
from heartbeats.readings import JsonObject, first_text, number_of, object_of, text_of
from heartbeats.vocabulary import ErrorFamily

UNKNOWN_SESSION = (r"session not found", r"session .{0,80}not found", r"notfounderror.{0,80}session")

KINDS = (
    Kind(
        ErrorFamily.AUTH,
        "opencode_auth_required",
        words(r"(?:invalid|incorrect) api key", r"unauthorized", r"opencode auth login", r"authentication_error"),
    ),
    Kind(ErrorFamily.BILLING, "opencode_billing", words(r"insufficient_quota", r"insufficient (?:balance|credits?)")),
    Kind(ErrorFamily.MODEL_NOT_FOUND, "opencode_model_not_found", words(r"model ?not ?found", r"unknown model")),
    Kind(
        ErrorFamily.TRANSIENT_UPSTREAM,
        "opencode_transient_upstream",
        words(
            r"rate[- _]?limit", r"too many requests", r"usage limit", r"overloaded", r"unavailable",
            r"connection (?:error|reset|refused|timed out)", r"internal server error",
        ),
    ),
)  # fmt: skip


def parse_stream(output: str) -> Said:
    """The session, the last text, and the sums of all steps. The end of a step that calls no tools is the end."""
    session_id: str | None = None
    text: str | None = None
    errors: list[str] = []
    used: dict[str, int] | None = None
    cost = 0.0
    concluded = False
    for event in events(output):
        part = object_of(event.get("part"))
        session_id = first_text(event.get("sessionID"), session_id)
        if event.get("type") == "text":
            text = first_text(part.get("text"), text)
        elif event.get("type") == "step_finish":
            used = added(used, _tokens(part))
            cost += max(0.0, number_of(part.get("cost"), 0))
            concluded = part.get("reason") != "tool-calls"
            errors = [] if concluded else errors
        elif event.get("type") == "error":
            errors += [_told(object_of(event.get("error")))]
    return Said(
        session_id=session_id,
        text=text,
        errors=tuple(errors),
        failed=bool(errors),
        concluded=concluded,
        usage=used,
        cost_usd=cost if used is not None else None,
    )


def _tokens(part: JsonObject) -> dict[str, int]:
    counted = object_of(part.get("tokens"))
    thought = number_of(counted.get("output"), 0) + number_of(counted.get("reasoning"), 0)
    return tokens(counted.get("input"), object_of(counted.get("cache")).get("read"), thought)


def _told(error: JsonObject) -> str:
    message = first_text(object_of(error.get("data")).get("message"), error.get("message"))
    name = text_of(error.get("name"))
    return ": ".join(filter(None, [name, message])) or "opencode reported an error"


OPENCODE = LocalCliAdapter(
    LocalCli(
        name="opencode",
        command="opencode",
        provider="opencode",
        arguments=(
            always("run", "--format", "json"),
            resuming("--session"),
            option("model", "--model"),
            option("variant", "--variant"),
        ),
        parse=parse_stream,
        kinds=KINDS,
        unknown_session=UNKNOWN_SESSION,
        counts_each_run=True,
        verified_with="1.18",
    )
)
