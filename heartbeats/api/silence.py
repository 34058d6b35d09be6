"""`outputSilence` of a run. Recovery judges silence and lives above this app, so it registers its judge here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from heartbeats.models import HeartbeatRun

Judge = Callable[[Sequence[HeartbeatRun], datetime], Mapping[UUID, dict[str, Any]]]


class _Registry:
    judge: Judge | None = None


def register_silence_judge(judge: Judge) -> None:
    """`judge(runs, now)` answers the wire form of each run's silence, in a constant number of statements."""
    _Registry.judge = judge


def output_silence(runs: Sequence[HeartbeatRun], *, now: datetime) -> Mapping[UUID, dict[str, Any]]:
    """The silence of each run by its id; nothing while nobody judges."""
    return _Registry.judge(runs, now) if _Registry.judge and runs else {}
