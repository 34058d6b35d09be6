"""The life of a run as steps in time: what its columns say, and the events in between. Pure but for addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.urls import reverse

from config.board.words.reasons import cause_words, first_line, plain
from heartbeats.board.run_page import TimelineStep
from heartbeats.board.view_models import Tone
from heartbeats.board.wording import bytes_words
from heartbeats.vocabulary import RunStatus

# What a column says better than its event.
_SAID_BY_COLUMNS = {"run started", "run cancelled", "adapter invocation"}
_FINALISED = {f"run {status}" for status in RunStatus.TERMINAL if status != RunStatus.CANCELLED}
_LEVELS: dict[str, Tone] = {"warn": "warn", "warning": "warn", "error": "bad"}
_ENDS: dict[str, Tone] = {"succeeded": "ok", "failed": "bad", "timed_out": "bad", "cancelled": "neutral"}
MOST_EVENTS = 40


def timeline_of(
    run: Any,  # noqa: ANN401 - a HeartbeatRun with its wakeup
    *,
    events: Sequence[Any],
    merged: Sequence[Mapping[str, Any]],
    retries: Sequence[Mapping[str, Any]],
    asked_by: str,
) -> tuple[TimelineStep, ...]:
    """The steps in the order in which they happened, what has not happened yet at the end."""
    steps = [*_before(run, asked_by, merged), *_during(run), *_told(events), *_after(run, retries)]
    happened = sorted((step for step in steps if step.at), key=lambda step: step.at or run.created_at)
    return (*_with_distances(happened), *(step for step in steps if step.at is None))


def _before(run: Any, asked_by: str, merged: Sequence[Mapping[str, Any]]) -> Iterable[TimelineStep]:  # noqa: ANN401
    wakeup = run.wakeup
    cause = cause_words(run.wake_reason, run.invocation_source)
    by = f", by {asked_by}" if asked_by else ""
    yield TimelineStep("requested", "Requested", wakeup.requested_at if wakeup else run.created_at, detail=cause + by)
    for number, one in enumerate(merged):
        why = cause_words(one["wake_reason"] or one["reason"], one["source"])
        yield TimelineStep(f"merged-{number}", "Another wakeup merged into it", one["requested_at"], detail=why)
    if run.scheduled_retry_at:
        due = TimelineStep("due", "Retry due", run.scheduled_retry_at)
        yield due if run.status != RunStatus.SCHEDULED_RETRY else replace(due, detail="waits until then")
    else:
        yield TimelineStep("queued", "Queued", run.created_at)


def _during(run: Any) -> Iterable[TimelineStep]:  # noqa: ANN401
    if run.claimed_at or run.status in RunStatus.LIVE:
        host = f"on {run.executor_host}, epoch {run.epoch}" if run.executor_host and run.claimed_at else ""
        yield TimelineStep("claimed", "Claimed", run.claimed_at, "live", host)
    if run.process_started_at:
        pid = f"process {run.process_pid}" if run.process_pid else ""
        yield TimelineStep("started", "Process started", run.process_started_at, "live", pid)
    if run.last_output_at:
        said = bytes_words(run.last_output_bytes or run.log_bytes) if run.last_output_bytes or run.log_bytes else ""
        yield TimelineStep(
            "output",
            "Last output",
            run.last_output_at,
            "live",
            said if run.finished_at or not said else f"{said} so far",
        )
    if run.cancel_requested_at:
        yield TimelineStep("cancel", "Cancellation requested", run.cancel_requested_at, "warn")


def _told(events: Sequence[Any]) -> Iterable[TimelineStep]:
    for event in events:
        message = first_line(event.message) or plain(event.event_type).capitalize()
        if message in _FINALISED:
            yield TimelineStep(f"event-{event.seq}", "Finalised", event.created_at)
        elif message not in _SAID_BY_COLUMNS:
            yield TimelineStep(
                f"event-{event.seq}", message, event.created_at, _LEVELS.get(event.level or "", "neutral")
            )


def _after(run: Any, retries: Sequence[Mapping[str, Any]]) -> Iterable[TimelineStep]:  # noqa: ANN401
    word = plain(run.status).capitalize() if run.status in RunStatus.TERMINAL else "Ended"
    yield TimelineStep("ended", word, run.finished_at, _ENDS.get(run.status, "neutral"))
    for number, retry in enumerate(retries):
        url = reverse("run_page", args=[retry["id"]])
        yield TimelineStep(
            f"retry-{number}", f"Triggered a retry, {plain(retry['status'])}", retry["created_at"], "warn", url=url
        )


def _with_distances(steps: Sequence[TimelineStep]) -> Iterable[TimelineStep]:
    before: datetime | None = None
    for step in steps:
        assert step.at is not None
        yield replace(step, after_seconds=(step.at - before).total_seconds() if before else None)
        before = step.at
