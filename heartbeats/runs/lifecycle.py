"""Where a run or a wakeup changes its status: the tables of allowed moves and the only code that makes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from config.common.transitions import Transitions
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.vocabulary import RunStatus, WakeupStatus

RUN_MOVES = Transitions(
    {
        RunStatus.QUEUED: {RunStatus.RUNNING, RunStatus.FAILED, RunStatus.CANCELLED},
        RunStatus.SCHEDULED_RETRY: {RunStatus.QUEUED, RunStatus.CANCELLED, RunStatus.FAILED},
        RunStatus.RUNNING: {
            RunStatus.QUEUED,
            RunStatus.SUCCEEDED,
            RunStatus.FAILED,
            RunStatus.CANCELLED,
            RunStatus.TIMED_OUT,
        },
        RunStatus.SUCCEEDED: (),
        RunStatus.FAILED: (),
        RunStatus.CANCELLED: (),
        RunStatus.TIMED_OUT: (),
    }
)


@dataclass(frozen=True)
class Note:
    """One run event to be written: what happened, for people (`message`) and programs (`payload`)."""

    message: str
    event_type: str = "lifecycle"
    level: str = "info"
    stream: str | None = "system"
    color: str | None = None
    payload: Mapping[str, Any] | None = field(default=None)


def move_run(
    run: HeartbeatRun,
    to: RunStatus,
    *,
    expected: Collection[str],
    held_epoch: int | None = None,
    notes: Collection[Note] = (),
    **columns: Any,  # noqa: ANN401 - column values
) -> bool:
    """Move one run and tell the screens, in the caller's transaction; True when this call won.

    `notes` become run events and their live events; `run` is brought up to date in memory. Nothing is written when
    the run no longer has an `expected` status, or another epoch than `held_epoch`.
    """
    raise NotImplementedError


def add_notes(run: HeartbeatRun, *notes: Note) -> None:
    """Append run events (gapless `seq`) and announce them: three statements, however many notes."""
    raise NotImplementedError


def close_wakeup(run: HeartbeatRun, to: WakeupStatus, *, error: str | None = None, **columns: Any) -> bool:  # noqa: ANN401
    """End the wakeup that the run serves; True when it was still open."""
    raise NotImplementedError


def move_wakeup(wakeup: WakeupRequest, to: WakeupStatus, *, expected: Collection[str], **columns: Any) -> bool:  # noqa: ANN401
    """Move one wakeup; True when this call won."""
    raise NotImplementedError
