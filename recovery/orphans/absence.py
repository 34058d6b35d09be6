"""The first question before a lease condemns anybody: was I away? (DESIGN 5, spec/6 law 4 and faults 18, 19)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class AbsencePolicy:
    """`lease` is what everybody is granted anew; a gap or stall of `noticed_after` or more counts as an absence.

    A cadence that is merely slow must not excuse the dead for ever: after `slow_passes_excused` gaps in a row that
    are shorter than a lease, the gap is the new normal and leases are judged again.
    """

    lease: timedelta = timedelta(seconds=60)
    noticed_after: timedelta = timedelta(seconds=15)
    slow_passes_excused: int = 3

    def __post_init__(self) -> None:
        if not timedelta(0) < self.noticed_after < self.lease:
            raise ValueError("noticed_after must be positive and shorter than the lease")
        if self.slow_passes_excused < 1:
            raise ValueError("slow_passes_excused must be at least 1")


@dataclass(frozen=True)
class Presence:
    """What the judge remembers of itself: its last finished pass, and how many passes in a row came late."""

    last_pass_at: datetime | None = None
    late_in_a_row: int = 0


@dataclass(frozen=True)
class Present:
    """Leases may be judged. Store `presence`."""

    presence: Presence


@dataclass(frozen=True)
class WasAway:
    """Judge no lease in this pass: extend every live lease to at least `extend_to`. Store `presence`."""

    presence: Presence
    extend_to: datetime
    text: str


def ask_whether_away(
    presence: Presence, *, now: datetime, database_stall: timedelta = timedelta(0), policy: AbsencePolicy
) -> Present | WasAway:
    """Decide whether this pass may condemn by lease. `now` is the database's time, and so is `last_pass_at`.

    A judge without memory (first pass ever, or lost state) was away. A clock that went backwards is an absence too.
    """
    if presence.last_pass_at is None:
        return _away(presence, now, policy, "no earlier pass is known")
    gap = now - presence.last_pass_at
    if gap < timedelta(0):
        return _away(presence, now, policy, "the clock went backwards")
    longest = max(gap, database_stall)
    if longest < policy.noticed_after:
        return Present(Presence(now))
    if longest < policy.lease and presence.late_in_a_row >= policy.slow_passes_excused:
        return Present(Presence(now, presence.late_in_a_row))
    cause = "the database stalled" if database_stall > gap else "no pass ran"
    return _away(presence, now, policy, f"{cause} for {longest.total_seconds():.0f} s")


def _away(presence: Presence, now: datetime, policy: AbsencePolicy, cause: str) -> WasAway:
    text = f"Withheld every lease verdict because {cause}; all live leases were extended by one full lease"
    return WasAway(Presence(now, presence.late_in_a_row + 1), now + policy.lease, text)
