"""`hermes_local`: the command `hermes chat`, which prints its answer as text and then the id of its session."""

from __future__ import annotations

import re

from heartbeats.execution.adapters.local_cli import LocalCli, LocalCliAdapter, always, number, option, resuming, switch
from heartbeats.execution.adapters.stream import Said
from heartbeats.execution.adapters.trouble import Kind, words
from heartbeats.execution.excerpts import Excerpts
from heartbeats.readings import text_of
from heartbeats.vocabulary import ErrorFamily

UNKNOWN_SESSION = (r"session not found",)
_SESSION = re.compile(r"^session_id:[ \t]*(\S+)[ \t]*$", re.MULTILINE)
# What the tool says about itself between the lines of its answer.
_CHATTER = re.compile(r"^(?:\[(?:tool|done|hermes)\]|[↻┊]|session_id:|Warning: )")
_FAILURE = re.compile(r"^(?:Session not found|Error|API call failed|No inference provider)", re.IGNORECASE)
_SPLIT = "\n\x1e\n"

KINDS = (
    Kind(ErrorFamily.CONFIG, "hermes_arguments_invalid", words(r"unrecognized arguments", r"invalid choice")),
    Kind(
        ErrorFamily.AUTH,
        "hermes_auth_required",
        words(
            r"no inference provider", r"(?:invalid|missing|incorrect) api key", r"unauthorized",
            r"run .?hermes (?:login|setup)",
        ),
    ),
    Kind(ErrorFamily.BILLING, "hermes_billing", words(r"insufficient (?:balance|credits?|quota)", r"payment required")),
    Kind(ErrorFamily.MODEL_NOT_FOUND, "hermes_model_not_found", words(r"model.{0,80}(?:not found|does not exist)")),
    Kind(
        ErrorFamily.TRANSIENT_UPSTREAM,
        "hermes_transient_upstream",
        words(
            r"rate[- _]?limit", r"too many requests", r"usage limit", r"overloaded", r"unavailable",
            r"connection (?:error|reset|refused|timed out)", r"internal server error",
        ),
    ),
)  # fmt: skip


def both_streams(excerpts: Excerpts) -> str:
    """The answer and what was said beside it: which of them carries the session's id depends on the version."""
    return f"{excerpts.stdout_tail}{_SPLIT}{excerpts.stderr}"


def parse_output(output: str) -> Said:
    """The session's id ends an answer. Without one, what was printed is no answer; it may say why there is none."""
    answer, _, beside = output.partition(_SPLIT)
    found = _SESSION.findall(answer) or _SESSION.findall(beside)
    lines = [line for line in answer.splitlines() if not _CHATTER.match(line.strip())]
    text = text_of("\n".join(lines).strip())
    if found:
        return Said(session_id=found[-1], text=text, concluded=True)
    errors = tuple(line.strip() for line in answer.splitlines() if _FAILURE.match(line.strip()))
    return Said(text=None if errors else text, errors=errors, failed=bool(errors))


HERMES = LocalCliAdapter(
    LocalCli(
        name="hermes",
        command="hermes",
        provider="hermes",
        arguments=(
            always("chat", "--quiet", "--source", "tool"),
            resuming("--resume"),
            option("model", "--model"),
            option("provider", "--provider"),
            option("toolsets", "--toolsets"),
            number("maxTurnsPerRun", "--max-turns"),
            switch("dangerouslySkipPermissions", "--yolo"),
        ),
        prompt_as="--query",
        parse=parse_output,
        heard=both_streams,
        kinds=KINDS,
        unknown_session=UNKNOWN_SESSION,
    )
)
