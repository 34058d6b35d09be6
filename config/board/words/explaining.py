"""An explanation of recovery as the panel shows it. Pure."""

from __future__ import annotations

from heartbeats.board.page_parts import Explain, Reason
from heartbeats.board.view_models import Tone
from recovery.explain.answer import Explanation, Standing, WaitsFor

_TONES: dict[Standing, Tone] = {
    Standing.MOVING: "live",
    Standing.WAITING: "neutral",
    Standing.SWEEP: "warn",
    Standing.NEEDS_PERSON: "bad",
    Standing.RESTING: "neutral",
    Standing.CLOSED: "neutral",
}
_NEXT = {
    WaitsFor.NOTHING: "",
    WaitsFor.RUN: "the run ends and is judged",
    WaitsFor.TIME: "it goes on by itself",
    WaitsFor.GATE: "it goes on when this gate opens",
    WaitsFor.LOCK: "it goes on when the lock is free",
    WaitsFor.ISSUE: "it goes on when its blockers are done",
    WaitsFor.SWEEP: "the next sweep acts",
    WaitsFor.AGENT: "its agent reports or is woken",
    WaitsFor.PERSON: "a person decides or comments",
}


def explain_panel(found: Explanation, *, tone: Tone | None = None) -> Explain:
    """The verdict, what it rests on, and what comes next (perhaps at a time)."""
    return Explain(
        verdict=found.text,
        tone=tone or _TONES[found.standing],
        because=tuple(Reason(note) for note in found.notes),
        next_step=_NEXT[found.waits_for],
        next_at=found.until,
    )
