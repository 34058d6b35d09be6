"""`cursor`: the command `cursor-agent`, whose stream is made like claude's."""

from __future__ import annotations

from dataclasses import replace

from heartbeats.execution.adapters.claude import parse_stream as parse_like_claude
from heartbeats.execution.adapters.local_cli import LocalCli, LocalCliAdapter, always, option, resuming, switch
from heartbeats.execution.adapters.stream import Said, events, tokens
from heartbeats.execution.adapters.trouble import Kind, words
from heartbeats.readings import object_of
from heartbeats.vocabulary import ErrorFamily

UNKNOWN_SESSION = (r"(?:chat|session|conversation) .{0,80}(?:not found|does not exist)", r"unknown (?:chat|session)")

KINDS = (
    Kind(ErrorFamily.CONFIG, "cursor_arguments_invalid", words(r"^error: unknown option", r"workspace trust")),
    Kind(
        ErrorFamily.AUTH,
        "cursor_auth_required",
        words(r"not logged in", r"authentication required", r"invalid api key", r"agent login", r"unauthenticated"),
    ),
    Kind(ErrorFamily.BILLING, "cursor_billing", words(r"spend(?:ing)? limit", r"upgrade your plan", r"unpaid invoice")),
    Kind(
        ErrorFamily.MODEL_NOT_FOUND,
        "cursor_model_not_found",
        words(r"cannot use this model", r"model.{0,60}not found"),
    ),
    Kind(
        ErrorFamily.TRANSIENT_UPSTREAM,
        "cursor_transient_upstream",
        words(
            r"rate[- _]?limit", r"too many requests", r"usage limit", r"overloaded", r"resource_exhausted",
            r"unavailable", r"connection (?:error|reset|refused|timed out|lost|stalled)", r"internal server error",
        ),
    ),
)  # fmt: skip


def parse_stream(output: str) -> Said:
    """As for claude, with the counters that this tool names in its own way."""
    said = parse_like_claude(output)
    usage = {}
    for event in events(output):
        if event.get("type") == "result":
            usage = object_of(event.get("usage"))
    named = {"inputTokens", "outputTokens"} & usage.keys()
    used = tokens(usage.get("inputTokens"), usage.get("cacheReadTokens"), usage.get("outputTokens")) if named else None
    return replace(said, usage=used or said.usage, billing_type=None)


CURSOR = LocalCliAdapter(
    LocalCli(
        name="cursor-agent",
        command="cursor-agent",
        provider="cursor",
        arguments=(
            always("-p", "--output-format", "stream-json", "--trust"),
            resuming("--resume"),
            option("model", "--model"),
            switch("dangerouslySkipPermissions", "--force"),
        ),
        parse=parse_stream,
        kinds=KINDS,
        unknown_session=UNKNOWN_SESSION,
        keys=("CURSOR_API_KEY",),
        counts_each_run=True,
        verified_with="2026.07",
    )
)
