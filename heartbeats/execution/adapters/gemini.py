"""`gemini_local`: the command `gemini`, whose answer comes in pieces."""

from __future__ import annotations

from heartbeats.execution.adapters.local_cli import LocalCli, LocalCliAdapter, always, option, resuming, switch
from heartbeats.execution.adapters.stream import Said, events, tokens
from heartbeats.execution.adapters.trouble import Kind, words
from heartbeats.readings import JsonObject, first_text, object_of, text_of
from heartbeats.vocabulary import ErrorFamily

UNKNOWN_SESSION = (r"error resuming session", r"invalid session identifier", r"session .{0,80}not found")

KINDS = (
    Kind(ErrorFamily.CONFIG, "gemini_arguments_invalid", words(r"^unknown arguments?", r"invalid values:")),
    Kind(
        ErrorFamily.AUTH,
        "gemini_auth_required",
        words(r"set an auth method", r"api key not valid", r"unauthenticated", r"gemini_api_key", r"401 unauthorized"),
    ),
    Kind(ErrorFamily.BILLING, "gemini_billing", words(r"billing (?:is )?(?:not enabled|disabled|required)")),
    Kind(ErrorFamily.MODEL_NOT_FOUND, "gemini_model_not_found", words(r"models?/.{0,60}(?:not found|not supported)")),
    Kind(
        ErrorFamily.TRANSIENT_UPSTREAM,
        "gemini_transient_upstream",
        words(
            r"resource_exhausted", r"quota exceeded", r"rate[- _]?limit", r"too many requests", r"overloaded",
            r"\b(?:429|500|502|503|504)\b", r"unavailable", r"connection (?:error|reset|refused|timed out)",
        ),
    ),
)  # fmt: skip


def parse_stream(output: str) -> Said:
    """The session, the last answer put together, and the tokens of the whole call."""
    start: JsonObject = {}
    result: JsonObject = {}
    pieces: list[str] = []
    errors: list[str] = []
    for event in events(output):
        kind = event.get("type")
        if kind == "init":
            # a second start within the run: what the first one said is over
            start, result, pieces, errors = event, {}, [], []
        elif kind == "message" and event.get("role") == "assistant":
            pieces = _joined(pieces, event)
        elif kind in ("tool_use", "tool_result"):
            pieces = [*pieces, ""] if pieces else pieces
        elif kind == "error" and event.get("severity") != "warning":
            errors += [told] if (told := text_of(event.get("message"))) else []
        elif kind == "result":
            result = event
    told = first_text(object_of(result.get("error")).get("message"))
    stats = object_of(result.get("stats"))
    return Said(
        session_id=text_of(start.get("session_id")),
        text=text_of(pieces[-1]) if pieces else None,
        errors=(*errors, *([told] if told else [])),
        failed=bool(result) and result.get("status") != "success",
        concluded=bool(result),
        usage=tokens(stats.get("input_tokens"), stats.get("cached"), stats.get("output_tokens")) if stats else None,
        model=text_of(start.get("model")),
    )


def _joined(pieces: list[str], event: JsonObject) -> list[str]:
    """A piece goes on with the last answer; anything else is an answer of its own. A tool in between ends one."""
    content = event.get("content")
    text = content if isinstance(content, str) else ""
    if event.get("delta") is True and pieces:
        return [*pieces[:-1], pieces[-1] + text]
    return [*pieces, text]


GEMINI = LocalCliAdapter(
    LocalCli(
        name="gemini",
        command="gemini",
        provider="google",
        arguments=(
            always("--output-format", "stream-json"),
            resuming("--resume"),
            option("model", "--model"),
            switch("dangerouslySkipPermissions", "--approval-mode", "yolo"),
        ),
        parse=parse_stream,
        kinds=KINDS,
        unknown_session=UNKNOWN_SESSION,
        keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        counts_each_run=True,
    )
)
