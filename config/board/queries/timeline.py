"""What the timeline of a run needs beyond its own columns: events, merged wakeups, and who asked."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from agents.models import Agent, User
from agents.vocabulary import ActorType
from config.board.queries.lineage import retries_of
from config.board.words.timeline import MOST_EVENTS, timeline_of
from heartbeats.board.run_page import TimelineStep
from heartbeats.models import RunEvent, WakeupRequest
from heartbeats.vocabulary import WakeupStatus


def run_timeline(run: Any, family: list[dict[str, Any]]) -> tuple[TimelineStep, ...]:  # noqa: ANN401
    """From wakeup to last follow-up. Three statements."""
    events = RunEvent.objects.filter(run=run, event_type="lifecycle").order_by("-seq")
    shown = list(events.only("seq", "event_type", "level", "message", "created_at")[:MOST_EVENTS])[::-1]
    merged = WakeupRequest.objects.filter(run=run, status=WakeupStatus.COALESCED).order_by("requested_at")
    columns = ("requested_at", "reason", "wake_reason", "source")
    return timeline_of(
        run,
        events=shown,
        merged=list(merged.values(*columns)[:20]),
        retries=retries_of(family, run.pk),
        asked_by=asker(run.wakeup),
    )


def asker(wakeup: WakeupRequest | None) -> str:
    """The name of whoever requested; empty for the system. At most one statement."""
    if wakeup is None or wakeup.requested_by_type not in (ActorType.USER, ActorType.AGENT):
        return ""
    ref = _uuid(wakeup.requested_by_id)
    if ref is None:
        return ""
    if wakeup.requested_by_type == ActorType.USER:
        return User.objects.filter(pk=ref).values_list("username", flat=True).first() or ""
    named = Agent.objects.filter(pk=ref, company_id=wakeup.company_id)
    return named.values_list("name", flat=True).first() or ""


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
