"""Template filters and tags of the board: times, sizes, faces of statuses, icons, sparklines.

Tags that speak of ages read `now` from the template context, where the view puts it; nothing here reads a clock.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from django import template
from django.template import Context
from django.templatetags.static import static
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from heartbeats.board import wording
from heartbeats.board.status_faces import TONE_ICONS, Face, face
from heartbeats.board.view_models import (
    CRITICAL_AFTER_SECONDS,
    QUIET_AFTER_SECONDS,
    SUSPICIOUS_AFTER_SECONDS,
    HourCount,
    RunningRow,
    Tone,
)

register = template.Library()

_MARKED = re.compile(r"\[(?P<words>[^\]\n]{1,200})\]\((?P<to>/(?!/)[^)\s\\]{1,300})\)|`(?P<code>[^`\n]{1,200})`")

SILENCE_THRESHOLDS = (
    QUIET_AFTER_SECONDS,
    SUSPICIOUS_AFTER_SECONDS,
    CRITICAL_AFTER_SECONDS,
)
BAR_STEP = 5
BAR_WIDTH = 4
SPARK_HEIGHT = 20


@register.filter
def duration(seconds: float | None) -> str:
    """`{{ run.duration_seconds|duration }}`: `2 m 13 s`."""
    return wording.duration_words(seconds)


@register.filter
def period(seconds: float) -> str:
    """`every {{ sweep.period_seconds|period }}`: `30 s`, `5 m`."""
    return wording.span_words(seconds)


@register.filter
def short_id(value: UUID | str | None) -> str:
    """`{{ run_id|short_id }}`: the last eight characters."""
    return wording.short_id_words(value)


@register.filter
def bytes_size(size: int | None) -> str:
    """`{{ log.size|bytes_size }}`: `4.2 KiB`."""
    return wording.bytes_words(size)


@register.filter
def cents(amount: int | None) -> str:
    """`{{ cost_cents|cents }}`: `$0.42`."""
    return wording.cents_words(amount)


@register.filter
def linked(text: str) -> SafeString:
    """Text with its Markdown links to our own pages as links and its `code` as code; everything is escaped."""
    parts: list[str] = []
    rest = 0
    for match in _MARKED.finditer(text):
        parts += [conditional_escape(text[rest : match.start()]), _marked(match)]
        rest = match.end()
    return mark_safe("".join([*parts, conditional_escape(text[rest:])]))  # noqa: S308 - every part is escaped


def _marked(match: re.Match[str]) -> SafeString:
    if match["code"]:
        return format_html("<code>{}</code>", match["code"])
    return format_html('<a href="{}">{}</a>', match["to"], match["words"].strip("`"))


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A symbol of the sprite. Without `label` it is decoration, hidden from screen readers."""
    href = f"{static('icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}"></use></svg>',
            label,
            href,
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"></use></svg>', href)


def _faced(shown: Face, extra_class: str) -> SafeString:
    return format_html(
        '<span class="status tone-{} {}">{}<span class="word">{}</span></span>',
        shown.tone,
        extra_class,
        icon(shown.icon),
        shown.word,
    )


@register.simple_tag
def status(family: str, value: str, extra_class: str = "") -> SafeString:
    """`{% status "run" row.status %}`: icon, word and tone of a status. Families are the keys of `FACES`."""
    return _faced(face(family, value), extra_class)


@register.simple_tag
def verdict(tone: Tone, word: str, extra_class: str = "") -> SafeString:
    """`{% verdict strip.tone strip.verdict %}`: a sentence with the icon of its tone."""
    return _faced(Face(TONE_ICONS[tone], word, tone), extra_class)


@register.simple_tag
def tone_icon(tone: Tone) -> SafeString:
    """The icon of a tone, for lines whose text already says the rest."""
    return icon(TONE_ICONS[tone])


@register.simple_tag
def copyable(value: UUID | str) -> SafeString:
    """An identifier, short, in monospace; a click copies the whole."""
    return format_html(
        '<button type="button" class="copy id" data-copy="{}" title="{}: click to copy" aria-label="Copy {}">'
        "{}</button>",
        value,
        value,
        value,
        wording.short_id_words(value),
    )


def _stamp(at: datetime, kind: str, words: str) -> SafeString:
    iso = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return format_html(
        '<time datetime="{}" data-since="{}" data-say="{}" title="{}">{}</time>',
        iso,
        iso,
        kind,
        wording.absolute_words(at),
        words,
    )


@register.simple_tag(takes_context=True)
def ago(context: Context, at: datetime | None, missing: str = "never") -> SafeString | str:
    """`3 m ago` or `in 4 h`, the moment in full on hover. The browser keeps it ticking."""
    return _stamp(at, "ago", wording.relative_words(at, context["now"])) if at else missing


@register.simple_tag(takes_context=True)
def elapsed(context: Context, since: datetime | None, missing: str = "–") -> SafeString | str:
    """`2 m 13 s` since a moment. The browser keeps it ticking."""
    if not since:
        return missing
    return _stamp(
        since,
        "elapsed",
        wording.duration_words((context["now"] - since).total_seconds() // 1),
    )


@register.simple_tag
def clock(at: datetime | None, missing: str = "–") -> SafeString | str:
    """`14:32:05`, UTC from the server; the browser puts it into the reader's own time zone."""
    return _stamp(at, "clock", at.astimezone(UTC).strftime("%H:%M:%S")) if at else missing


@register.simple_tag(takes_context=True)
def silence(context: Context, row: RunningRow) -> SafeString:
    """How long a running run has said nothing, with the level of spec/3 I. The browser raises the level by itself."""
    age = (context["now"] - row.silent_since).total_seconds()
    snoozed = row.snoozed_until is not None and row.snoozed_until > context["now"]
    level = "snoozed" if snoozed else wording.silence_level(age, SILENCE_THRESHOLDS)
    return format_html(
        '<span class="silence" data-level="{}" data-thresholds="{}">{}<span class="silence-word">{}</span> {}</span>',
        level,
        "" if snoozed else ",".join(map(str, SILENCE_THRESHOLDS)),
        icon("mute"),
        SILENCE_WORDS[level] if level != "ok" or row.has_output else "No output yet",
        _age(context, row, level),
    )


def _age(context: Context, row: RunningRow, level: str) -> SafeString | str:
    """The age as a duration; while the run speaks, as the time since its last word."""
    if level != "ok" or not row.has_output:
        return elapsed(context, row.silent_since)
    return ago(context, row.silent_since)


SILENCE_WORDS = {
    "ok": "",
    "quiet": "Quiet",
    "suspicious": "Suspicious",
    "critical": "Silent",
    "snoozed": "Snoozed, quiet",
}


def _bar(index: int, low: float, high: float) -> str:
    return f"M{index * BAR_STEP} {SPARK_HEIGHT - high:.1f}h{BAR_WIDTH}v{high - low:.1f}h-{BAR_WIDTH}z"


def _bars(hours: Sequence[HourCount], peak: int) -> dict[str, str]:
    """One path a kind: what went wrong stands at the foot, the rest of the hour on it, a hairline where nothing ran."""
    paths = {"none": "", "bad": "", "good": ""}
    unit = (SPARK_HEIGHT - 2) / peak
    for index, hour in enumerate(hours):
        whole = max(hour.runs * unit, 1.5) if hour.runs else 0.0
        bad = max(min(hour.errors, hour.runs) * unit, 1.5) if hour.errors else 0.0
        if not hour.runs:
            paths["none"] += _bar(index, 0, 1)
        if bad:
            paths["bad"] += _bar(index, 0, bad)
        if whole > bad:
            paths["good"] += _bar(index, bad, whole)
    return {kind: path for kind, path in paths.items() if path}


@register.simple_tag
def sparkline(hours: Sequence[HourCount], extra_class: str = "") -> SafeString:
    """24 hours of runs and errors as inline SVG, drawn here, labelled in words."""
    if not hours:
        return mark_safe('<span class="muted">No history yet</span>')
    runs, errors = sum(h.runs for h in hours), sum(h.errors for h in hours)
    peak = max(4, *(h.runs for h in hours))
    label = f"{runs} run{'s' * (runs != 1)}, {errors} error{'s' * (errors != 1)} in {len(hours)} hours"
    bars = _bars(hours, peak)
    shapes = format_html_join("", '<path class="bar-{}" d="{}"/>', bars.items())
    return format_html(
        '<svg class="spark {}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        "<title>{}</title>{}</svg>",
        extra_class,
        len(hours) * BAR_STEP - 1,
        SPARK_HEIGHT,
        label,
        label,
        shapes,
    )
