"""The answer to "what moves this forward, or what does it wait for, and since when?" (spec/3 K.13)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

Facts = TypeVar("Facts")


class Standing(StrEnum):
    """Where a thing stands."""

    MOVING = "moving"
    """Something executes now."""
    WAITING = "waiting"
    """A known event, time, gate or person comes next."""
    SWEEP = "sweep"
    """Nothing holds it: the next sweep acts."""
    NEEDS_PERSON = "needs_person"
    """Nothing automatic will move it."""
    RESTING = "resting"
    """At rest on purpose."""
    CLOSED = "closed"
    """Finished."""


class WaitsFor(StrEnum):
    """What kind of thing comes next."""

    NOTHING = "nothing"
    RUN = "run"
    TIME = "time"
    GATE = "gate"
    LOCK = "lock"
    ISSUE = "issue"
    SWEEP = "sweep"
    AGENT = "agent"
    PERSON = "person"


@dataclass(frozen=True)
class Explanation:
    """One answer. `code` is for programs, `text` is one sentence for people; `until` where an end is known."""

    standing: Standing
    code: str
    text: str
    waits_for: WaitsFor = WaitsFor.NOTHING
    since: datetime | None = None
    until: datetime | None = None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Plain values for the API and the admin panel."""
        return {
            "standing": self.standing.value,
            "code": self.code,
            "text": self.text,
            "waits_for": self.waits_for.value,
            "since": self.since,
            "until": self.until,
            "notes": list(self.notes),
        }


def first_answer(facts: Facts, rules: Iterable[Callable[[Facts], Explanation | None]]) -> Explanation | None:
    """The answer of the first rule that has one."""
    return next((answer for rule in rules if (answer := rule(facts)) is not None), None)
