"""The face of every status in the admin: a symbol of static/icons.svg, a word and a tone. Never a bare colour."""

from __future__ import annotations

from typing import Literal

from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

Tone = Literal["ok", "warn", "bad", "live", "neutral"]

_FACES: dict[tuple[str, Tone], str] = {
    ("check", "ok"): "succeeded completed done resolved approved accepted answered",
    ("dot", "ok"): "active online benchmarked on yes confirmed advanced",
    ("pulse", "live"): "running claimed busy in_progress",
    ("cross", "bad"): "failed fatal critical error rejected hard",
    ("bug", "bad"): "open",
    ("hourglass", "bad"): "timed_out expired",
    ("block", "bad"): "blocked",
    ("alert", "warn"): "warning soft high warn empty_response needs_followup plan_only",
    ("retry", "warn"): "scheduled_retry retry_queued",
    ("pause", "warn"): "paused pause pending_approval revision_requested",
    ("question", "warn"): "pending",
    ("skip", "warn"): "skipped retry_exhausted",
    ("eye", "warn"): "acknowledged in_review",
    ("clock", "neutral"): "queued deferred_issue_execution",
    ("merge", "neutral"): "coalesced",
    ("ring", "neutral"): "idle todo backlog medium low off no",
    ("minus", "neutral"): "cancelled offline terminated ignored dismissed released closed archived revoked",
}
_BY_WORD = {word: face for face, words in _FACES.items() for word in words.split()}
_WORDS = {"deferred_issue_execution": "Deferred", "coalesced": "Merged", "scheduled_retry": "Retry waits"}


def icon(name: str) -> SafeString:
    """A symbol, as decoration."""
    return format_html(
        '<svg class="eb-icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("icons.svg"), name
    )


def badge(value: str) -> SafeString:
    """Symbol, word and tone of a status; one that nobody drew shows its own name."""
    symbol, tone = _BY_WORD.get(value, ("dot", "neutral"))
    word = _WORDS.get(value) or value.replace("_", " ").capitalize()
    return marked(symbol, tone, word)


def marked(symbol: str, tone: Tone, word: str) -> SafeString:
    """The same for words that are no status: `marked("alert", "warn", "2 warnings")`."""
    return format_html('<span class="eb-badge eb-{}">{}<span>{}</span></span>', tone, icon(symbol), word)
