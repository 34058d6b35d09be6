"""Why work waits, in words: `reason`, references, the time it is due and the end of the sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from agents.vocabulary import NOT_INVOKABLE
from config.board.words.reasons import after_words, plain
from config.board.words.refs import agent_ref, issue_ref, moment
from heartbeats.board.view_models import IssueRef, WaitingRow
from heartbeats.vocabulary import RunStatus
from recovery.retries.ladder import MAX_ATTEMPTS

SOON = timedelta(seconds=30)
STARTS_SOON = "starts within moments"
RESTS = "rests since its last run succeeded, until somebody comments or moves it"


@dataclass(frozen=True, slots=True)
class Path:
    """What stands in the way of an issue: open blockers, and the pause above it (its root, and since when)."""

    blockers: tuple[IssueRef, ...] = ()
    held_by: IssueRef | None = None
    held_since: datetime | None = None


def path_of(row: Mapping[str, Any]) -> Path:
    """The way of an issue from its two JSON columns."""
    blockers = tuple(IssueRef(*blocker) for blocker in row["blockers"] or ())
    if not row["hold"]:
        return Path(blockers)
    identifier, title, status, since = row["hold"]
    return Path(blockers, IssueRef(identifier, title, status), moment(since))


def issue_row(row: Mapping[str, Any]) -> WaitingRow:
    """An issue without a run that is held, blocked or at rest."""
    bare = WaitingRow(
        id=str(row["issue_id"]),
        kind="resting",
        since=row["since"],
        reason=RESTS,
        agent=agent_ref(row),
        issue=issue_ref(row),
    )
    return _obstructed(bare, path_of(row)) or bare


def work_row(row: Mapping[str, Any], path: Path, *, now: datetime) -> WaitingRow:
    """A queued run, a parked retry or a deferred wakeup."""
    bare = WaitingRow(
        id=str(row["id"]),
        kind="queued",
        since=row["since"],
        reason=STARTS_SOON,
        agent=agent_ref(row),
        issue=issue_ref(row),
        task="" if row["identifier"] else plain(row["task_key"]).strip(),
        run_id=row["run_id"],
    )
    if row["status"] == RunStatus.SCHEDULED_RETRY:
        return _retry(bare, row, now)
    if row["status"] != RunStatus.QUEUED:
        return _deferred(bare, row)
    return _obstructed(bare, path) or _gated(bare, row) or _unclaimed(bare, now)


def _retry(bare: WaitingRow, row: Mapping[str, Any], now: datetime) -> WaitingRow:
    attempt = f"attempt {row['attempt']} of {MAX_ATTEMPTS}" if row["attempt"] else "once more"
    after = after_words(row["retry_reason"])
    tail = f", {attempt}{f', after {after}' if after else ''}"
    if row["due_at"] <= now:
        return replace(bare, kind="scheduled_retry", reason=f"its retry is due and {STARTS_SOON}", tail=tail)
    return replace(bare, kind="scheduled_retry", reason="retries at", due_at=row["due_at"], tail=tail)


def _deferred(bare: WaitingRow, row: Mapping[str, Any]) -> WaitingRow:
    who = row["behind"]
    return replace(bare, kind="deferred", reason=f"waits until the run of {who} is over" if who else "is promoted next")


def _obstructed(bare: WaitingRow, path: Path) -> WaitingRow | None:
    if path.held_by:
        since = path.held_since or bare.since
        return replace(bare, kind="held", reason="held by the pause on", refs=(path.held_by,), since=since)
    return replace(bare, kind="blocked", reason="blocked by", refs=path.blockers) if path.blockers else None


def _gated(bare: WaitingRow, row: Mapping[str, Any]) -> WaitingRow | None:
    if row["agent_status"] in NOT_INVOKABLE:
        return replace(bare, kind="held", reason=f"{row['agent_name']} is {plain(row['agent_status'])}")
    if row["occupied"] >= row["slots"]:
        return replace(
            bare,
            reason=f"waits for a free slot of {row['agent_name']}",
            tail=f" ({row['occupied']} of {row['slots']} taken)",
        )
    return None


def _unclaimed(bare: WaitingRow, now: datetime) -> WaitingRow:
    return replace(bare, reason="waits for a host to claim it") if now - bare.since > SOON else bare
