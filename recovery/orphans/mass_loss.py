"""The second question before a lease condemns anybody: is it everybody? (DESIGN 5, spec/6 law 4 and fault 20).

    closed --due over the limit--> open --confirmed, or waited long enough--> confirmed
       ^                            |                                            |
       +------due back in limit-----+----------------due back in limit-----------+

Open withholds every lease verdict and raises one incident; confirmed lets them through at a limited rate. Verdicts
from positive evidence never pass through here. The breaker is a value: store the one that comes back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from recovery.vocabulary import MassLossStatus


@dataclass(frozen=True)
class BreakerPolicy:
    """Trips above max(`floor`, `percent` of the live leases); releases `release_batch` verdicts per `release_every`.

    An open breaker that nobody confirms starts to release after `give_up_after`.
    """

    floor: int = 5
    percent: int = 30
    release_batch: int = 5
    release_every: timedelta = timedelta(seconds=15)
    give_up_after: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        if self.floor < 1 or not 0 < self.percent < 100 or self.release_batch < 1:
            raise ValueError("floor and release_batch must be at least 1, percent between 1 and 99")
        if self.release_every <= timedelta(0) or self.give_up_after <= timedelta(0):
            raise ValueError("release_every and give_up_after must be positive")

    def limit(self, live: int) -> int:
        """How many leases may be due at once among `live` before it looks like everybody."""
        return max(self.floor, live * self.percent // 100)


@dataclass(frozen=True)
class Breaker:
    """The stored state: the open incident, or nothing. `opened_at` is None exactly when closed."""

    state: MassLossStatus = MassLossStatus.CLOSED
    opened_at: datetime | None = None
    last_released_at: datetime | None = None


class IncidentMove(StrEnum):
    """What happens to the one incident that operators see."""

    NONE = "none"
    RAISE = "raise"
    RESOLVE = "resolve"


@dataclass(frozen=True)
class Admission:
    """How many of the due verdicts this pass may carry out, and what to store and to tell operators."""

    breaker: Breaker
    allowed: int
    withheld: int
    incident: IncidentMove
    text: str


def admit_losses(breaker: Breaker, *, live: int, due: int, now: datetime, policy: BreakerPolicy) -> Admission:
    """Decide how many of `due` lease verdicts may act in this pass; `live` counts all live leases, due ones included.

    Raises ValueError for negative counts. With the breaker closed and `due` within the limit all of them may.
    """
    if live < 0 or due < 0:
        raise ValueError("counts cannot be negative")
    limit = policy.limit(max(live, due))
    if due <= limit:
        return _within_limit(breaker, due)
    if breaker.state is MassLossStatus.CLOSED:
        text = f"{due} of {live} live leases ran out at once (limit {limit}): verdicts are withheld"
        return Admission(Breaker(MassLossStatus.OPEN, opened_at=now), 0, due, IncidentMove.RAISE, text)
    if breaker.state is MassLossStatus.OPEN and not _waited_long_enough(breaker, now, policy):
        text = f"{due} lease verdicts are withheld until an operator confirms"
        return Admission(breaker, 0, due, IncidentMove.NONE, text)
    return _release(replace(breaker, state=MassLossStatus.CONFIRMED), due, now, policy)


def confirm_losses(breaker: Breaker) -> Breaker:
    """An operator says that the losses are real: an open breaker starts to release. Any other stays as it is."""
    if breaker.state is not MassLossStatus.OPEN:
        return breaker
    return replace(breaker, state=MassLossStatus.CONFIRMED)


def _within_limit(breaker: Breaker, due: int) -> Admission:
    if breaker.state is MassLossStatus.CLOSED:
        return Admission(breaker, due, 0, IncidentMove.NONE, "")
    return Admission(Breaker(), due, 0, IncidentMove.RESOLVE, "The number of lost leases is back to normal")


def _waited_long_enough(breaker: Breaker, now: datetime, policy: BreakerPolicy) -> bool:
    return breaker.opened_at is not None and now - breaker.opened_at >= policy.give_up_after


def _release(breaker: Breaker, due: int, now: datetime, policy: BreakerPolicy) -> Admission:
    if breaker.last_released_at is not None and now - breaker.last_released_at < policy.release_every:
        return Admission(breaker, 0, due, IncidentMove.NONE, f"{due} lease verdicts wait for their turn")
    allowed = min(due, policy.release_batch)
    text = f"Released {allowed} of {due} withheld lease verdicts"
    return Admission(replace(breaker, last_released_at=now), allowed, due - allowed, IncidentMove.NONE, text)
