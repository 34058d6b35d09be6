"""One row of the table of faults, and what came of injecting it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Speed(StrEnum):
    """Where a row runs."""

    QUICK = "quick"
    """In `make test` and in `make chaos`: against the suite's servers, with a few processes at most."""
    LONG = "long"
    """In `make chaos` only, injected like a quick one."""
    SLOW = "slow"
    """In `make chaos` only: against a whole Everbeat on servers of its own."""
    NONE = "not built"


class Outcome(StrEnum):
    """What a row's injection showed."""

    PASSED = "passed"
    FAILED = "FAILED"
    SKIPPED = "skipped"
    """It cannot be injected here; the report says why."""
    NOT_BUILT = "not built"


class Skipped(Exception):
    """Raised by an injection that is impossible on this machine, before it has changed anything."""


@dataclass(frozen=True)
class Seen:
    """What an injection saw: in words, and the seconds from the fault (or its end) to the expected state."""

    text: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Fault:
    """A row: `function` injects and returns what it saw, or raises AssertionError. `limit` bounds its seconds.

    A quick or long function gets a `World`, a slow one a `Site` opened with `env` on top of its own.
    `tests` are tests of the suite that inject the same fault; their outcome is part of the row.
    """

    number: int
    fault: str
    expected: str
    limit: float = 0.0
    function: Callable[[Any], Seen] | None = None
    speed: Speed = Speed.NONE
    tests: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""

    @property
    def built(self) -> bool:
        """Whether anything injects it."""
        return self.function is not None or bool(self.tests)


@dataclass(frozen=True)
class Report:
    """One line of the report. `audit` is None where nothing was audited."""

    number: int
    fault: str
    expected: str
    outcome: Outcome
    seen: str
    seconds: float = 0.0
    limit: float = 0.0
    audit: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For the file of reports."""
        return {**self.__dict__, "outcome": self.outcome.value}


def judged(fault: Fault, seen: Seen, audit: str) -> Report:
    """The report of an injection that raised nothing: it passed if it was in time and the audit was clean."""
    late = fault.limit > 0 and seen.seconds > fault.limit
    outcome = Outcome.FAILED if late or audit != "clean" else Outcome.PASSED
    text = f"{seen.text}; too late" if late else seen.text
    return Report(fault.number, fault.fault, fault.expected, outcome, text, seen.seconds, fault.limit, audit)


def skipped(fault: Fault, why: str) -> Report:
    """The report of an injection that is impossible here."""
    return Report(fault.number, fault.fault, fault.expected, Outcome.SKIPPED, why)


def failed(fault: Fault, why: str, seconds: float, audit: str | None) -> Report:
    """The report of an injection that raised."""
    return Report(fault.number, fault.fault, fault.expected, Outcome.FAILED, why, seconds, fault.limit, audit)
