"""`codex_local`: the command `codex exec`, which prints one JSON object per event."""

from __future__ import annotations

from heartbeats.execution.adapters.base import Invocation
from heartbeats.execution.adapters.local_cli import LocalCli, LocalCliAdapter, Words, always, option, resuming, switch
from heartbeats.execution.adapters.stream import Said, added, events, tokens
from heartbeats.execution.adapters.trouble import Kind, words
from heartbeats.readings import first_text, object_of, text_of
from heartbeats.vocabulary import ErrorCode, ErrorFamily

UNKNOWN_SESSION = (
    r"no rollout found",
    r"(?:thread|session|conversation) .{0,80}not found",
    r"unknown (?:thread|session)",
)

KINDS = (
    Kind(ErrorFamily.CONFIG, "codex_arguments_invalid", words(r"^error: (?:unexpected argument|invalid value)")),
    Kind(
        ErrorFamily.AUTH,
        "codex_auth_required",
        words(r"not logged in", r"401 unauthorized", r"invalid api key", r"incorrect api key", r"codex login"),
    ),
    Kind(ErrorFamily.BILLING, "codex_billing", words(r"insufficient_quota", r"exceeded your current quota")),
    Kind(
        ErrorFamily.MODEL_NOT_FOUND,
        "codex_model_not_found",
        words(r"model_not_found", r"model.{0,60}(?:does not exist|not supported|not found)"),
    ),
    Kind(
        ErrorFamily.TRANSIENT_UPSTREAM,
        ErrorCode.CODEX_TRANSIENT_UPSTREAM,
        words(
            r"rate[- _]?limit", r"too many requests", r"usage limit", r"overloaded", r"at capacity", r"high demand",
            r"\b(?:429|5\d\d)\b (?:too many|internal|bad gateway|service|gateway)", r"stream disconnected",
            r"service unavailable", r"temporarily unavailable", r"connection (?:error|reset|refused|timed out)",
        ),
    ),
)  # fmt: skip


def parse_stream(output: str) -> Said:
    """The thread, its last message, and the sum of its turns' tokens (each turn tells its own)."""
    session_id: str | None = None
    text: str | None = None
    errors: list[str] = []
    used: dict[str, int] | None = None
    concluded = failed = False
    for event in events(output):
        kind = event.get("type")
        if kind == "thread.started":
            # a second start within the run: what the first one said is over
            session_id, errors, failed = text_of(event.get("thread_id")), [], False
        elif kind == "item.completed":
            text = _message(object_of(event.get("item"))) or text
        elif kind == "turn.completed":
            usage = object_of(event.get("usage"))
            turn = tokens(usage.get("input_tokens"), usage.get("cached_input_tokens"), usage.get("output_tokens"))
            used, concluded, failed, errors = added(used, turn), True, False, []
        elif kind in ("turn.failed", "error"):
            told = first_text(object_of(event.get("error")).get("message"), event.get("message"))
            errors += [told] if told else []
            concluded = failed = failed or kind == "turn.failed"
    return Said(session_id=session_id, text=text, errors=tuple(errors), failed=failed, concluded=concluded, usage=used)


def _message(item: dict[str, object]) -> str | None:
    return text_of(item.get("text")) if item.get("type") == "agent_message" else None


def _effort(invocation: Invocation) -> list[str]:
    """The configured effort, unless a retry after trouble upstream is to ask for nothing special."""
    if "safer" in str(invocation.context.get("codexTransientFallbackMode")):
        return []
    effort = first_text(invocation.config.get("modelReasoningEffort"), invocation.config.get("effort"))
    return ["-c", f'model_reasoning_effort="{effort}"'] if effort and effort.isalpha() else []


_EFFORT: Words = _effort

CODEX = LocalCliAdapter(
    LocalCli(
        name="codex",
        command="codex",
        provider="openai",
        arguments=(
            always("exec", "--json", "--skip-git-repo-check"),
            switch("dangerouslySkipPermissions", "--dangerously-bypass-approvals-and-sandbox"),
            option("model", "--model"),
            _EFFORT,
            resuming("resume"),
        ),
        last=("-",),
        parse=parse_stream,
        kinds=KINDS,
        unknown_session=UNKNOWN_SESSION,
        keys=("OPENAI_API_KEY", "CODEX_API_KEY"),
        verified_with="0.142",
    )
)
