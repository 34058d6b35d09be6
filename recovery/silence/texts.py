"""What the watchdog writes into an evaluation issue, bounded and redacted (spec/3 I).

What an agent printed is data: it is redacted by the caller's scrubber, cut, and fenced so that it cannot end its
fence and pose as our words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recovery.links import company_prefix, issue_link, run_link
from recovery.organisation import Ref
from recovery.silence.level import DEFAULT_THRESHOLDS, Silence, SilenceLevel, Thresholds

LOG_TAIL_BYTES = 8 * 1024
LOG_TAIL_CHARS = 4_000
EVENT_LIMIT = 8
EVENT_CHARS = 300
RELATED_LIMIT = 8
_UNSURE_CHARS = 256
"""Within one cut line, a credential may stand this far from the word that gives it away (`Bearer ...`)."""

Redact = Callable[[str], str]


@dataclass(frozen=True)
class EventLine:
    """One event of the run."""

    seq: int
    kind: str
    message: str


@dataclass(frozen=True)
class SilentRun:
    """The run under review. `log_tail` may be longer than what is shown; `log_bytes` is the whole log's size."""

    run_id: Ref
    agent_id: Ref
    agent_name: str
    prefix: str
    invocation: str
    source_identifier: str | None = None
    started_at: datetime | None = None
    last_output_at: datetime | None = None
    process: Sequence[tuple[str, object]] = ()
    log_tail: bytes = b""
    log_bytes: int = 0
    events: Sequence[EventLine] = ()
    children: Sequence[str] = ()
    blockers: Sequence[str] = ()


def evaluation_title(agent_name: str) -> str:
    """The title of an evaluation issue; the name is cut to one line of 120 characters."""
    return f"Review silent active run for {one_line(agent_name, 120)}"


def evaluation_description(
    run: SilentRun, silence: Silence, *, redact: Redact, thresholds: Thresholds = DEFAULT_THRESHOLDS
) -> str:
    """All that a reviewer needs without opening the run, within the bounds of spec/3 I."""
    sections = [
        _facts_section(run, silence, thresholds),
        _section("Process", [f"- {name}: `{value}`" for name, value in run.process]),
        _section("Last output", [fenced(log_tail_text(run.log_tail, redact, whole=run.log_bytes))]),
        _section("Last events", [_event_text(event, redact) for event in run.events[-EVENT_LIMIT:]]),
        _section("Child issues", _links(run.children)),
        _section("Blockers", _links(run.blockers)),
        _CHECKLIST,
    ]
    return "\n\n".join(section for section in sections if section)


def critical_comment(silence: Silence, *, source_identifier: str | None) -> str:
    """The comment when the silence crosses into critical."""
    blocked = f" {issue_link(source_identifier)} is blocked by this issue now." if source_identifier else ""
    return (
        f"The silence is critical: nothing for {duration_text(silence.age)}. Priority is high.{blocked} "
        "The process was not touched."
    )


def log_tail_text(tail: bytes, redact: Redact, *, whole: int = 0) -> str:
    """The last 8 KiB as text, redacted, at most 4,000 characters.

    A cut line is dropped, or where there is only one line its first part, so that no secret loses the prefix by which
    a scrubber knows it; the text is redacted before it is cut again.
    """
    cut = tail[-LOG_TAIL_BYTES:]
    was_cut = len(cut) < len(tail) or len(cut) < whole
    text = cut.decode("utf-8", errors="replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    text = redact(_from_a_clean_start(text) if was_cut else text)
    return text[-LOG_TAIL_CHARS:].strip("\n")


def fenced(text: str) -> str:
    """The text in a code fence longer than any run of backticks in it, or words when there is none."""
    if not text.strip():
        return "No output was recorded."
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def one_line(text: str, limit: int) -> str:
    """The text on one line, at most `limit` characters, with an ellipsis where it was cut."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


def duration_text(age: timedelta) -> str:
    """A duration for people: `4 h 2 m`, `17 m 3 s`, `9 s`."""
    seconds = int(age.total_seconds())
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{hours} h {minutes} m"
    return f"{minutes} m {seconds % 60} s" if minutes else f"{seconds} s"


def _facts_section(run: SilentRun, silence: Silence, thresholds: Thresholds) -> str:
    level = "critical" if silence.level is SilenceLevel.CRITICAL else "suspicious"
    source = issue_link(run.source_identifier) if run.source_identifier else "none"
    prefix = company_prefix(run.source_identifier) if run.source_identifier else run.prefix
    return "\n".join(
        [
            f"A run is active but has been silent for {duration_text(silence.age)} ({level}).",
            "",
            f"- Run: {run_link(run.run_id, agent_id=run.agent_id, prefix=prefix)}",
            f"- Agent: {one_line(run.agent_name, 120)}",
            f"- Invocation: `{one_line(run.invocation, 120)}`",
            f"- Source issue: {source}",
            f"- Started: {_moment(run.started_at)}",
            f"- Last output: {_moment(run.last_output_at)}",
            f"- Silent since: {_moment(silence.since)}",
            f"- Thresholds: {_thresholds_text(thresholds)}",
        ]
    )


def _thresholds_text(thresholds: Thresholds) -> str:
    suspicious, critical = duration_text(thresholds.suspicious), duration_text(thresholds.critical)
    return f"suspicious after {suspicious}, critical after {critical}"


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *lines]) if lines else ""


def _links(identifiers: Sequence[str]) -> list[str]:
    shown = [f"- {issue_link(identifier)}" for identifier in identifiers[:RELATED_LIMIT]]
    more = len(identifiers) - len(shown)
    return [*shown, f"- and {more} more"] if more > 0 else shown


def _event_text(event: EventLine, redact: Redact) -> str:
    message = one_line(redact(event.message), EVENT_CHARS).replace("`", "'")
    return f"- {event.seq} {event.kind}: `{message}`"


def _from_a_clean_start(text: str) -> str:
    line_end = text.find("\n")
    if line_end >= 0:
        return text[line_end + 1 :]
    space = re.search(r"\s", text[_UNSURE_CHARS:])
    return "" if space is None else text[_UNSURE_CHARS + space.end() :]


def _moment(moment: datetime | None) -> str:
    return "never" if moment is None else moment.isoformat(timespec="seconds")


_CHECKLIST = """## Checklist

- [ ] Is the process doing work that prints nothing (a build, a download, a long test)?
- [ ] Does it wait for input, a lock, a network answer or a child that will never come?
- [ ] If it works: record `continue`, or `snooze` until a given time.
- [ ] If the alarm is wrong: record `dismissed_false_positive`.
- [ ] If it hangs: cancel the run; its issue is then recovered in the usual way.
- [ ] Close this issue with one sentence on what was found."""
