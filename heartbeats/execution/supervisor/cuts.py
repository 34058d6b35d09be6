"""Logs that could not be stored whole: telling people where and why, while the run goes on (spec/6 row 30)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from uuid import UUID

import structlog
from django.db import transaction

from heartbeats.execution.rundir import Truncation
from heartbeats.execution.supervisor.attempt import Attempt
from heartbeats.execution.supervisor.desk import Desk
from heartbeats.models import HeartbeatRun
from heartbeats.runs.lifecycle import Note, add_notes

FULL_BELOW_BYTES = 64 * 1024
LIMIT_REASON = "log_limit"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class CutWatch:
    """Notices a full disk once, and each run's first missing output once."""

    def __init__(self, runs_dir: Path, desk: Desk) -> None:
        self._runs_dir = runs_dir
        self._desk = desk
        self._full = False

    def look(self, attempts: Iterable[Attempt]) -> None:
        """Look at the disk and at every live log."""
        self._look_at_disk()
        for attempt in attempts:
            if attempt.cut_told:
                continue
            cut = attempt.directory.log_truncation()
            if isinstance(cut, Truncation):
                attempt.cut_told = True
                self._desk.ask(partial(note_cut, attempt.run_id, attempt.epoch, cut))

    def _look_at_disk(self) -> None:
        try:
            found = os.statvfs(self._runs_dir)
        except OSError as problem:
            log.error("run_disk_unreadable", folder=str(self._runs_dir), error=str(problem))
            return
        full = found.f_bavail * found.f_frsize < FULL_BELOW_BYTES
        if full and not self._full:
            log.error("run_disk_full", folder=str(self._runs_dir), hint="make room: runs go on, their output is lost")
        elif self._full and not full:
            log.info("run_disk_has_room", folder=str(self._runs_dir))
        self._full = full


def note_cut(run_id: UUID, epoch: int, cut: Truncation) -> bool:
    """Note on the run, once, where its log has a hole or ends: column and warning event. False: noted, or not ours."""
    with transaction.atomic():
        ours = HeartbeatRun.objects.filter(pk=run_id, epoch=epoch, log_truncated_at__isnull=True)
        run = ours.select_for_update(no_key=True).only("pk", "company_id", "agent_id", "event_seq").first()
        if run is None:
            return False
        HeartbeatRun.objects.filter(pk=run.pk).update(log_truncated_at=cut.at_byte)
        add_notes(run, Note(_words(cut), level="warn", payload={"atByte": cut.at_byte, "reason": cut.reason}))
    log.warning("run_log_cut", run=str(run_id), at_byte=cut.at_byte, reason=cut.reason)
    return True


def _words(cut: Truncation) -> str:
    if cut.reason == LIMIT_REASON:
        return f"The log ends at byte {cut.at_byte}: it reached its limit. The run goes on"
    return f"Output is missing from byte {cut.at_byte} of the log: the disk refused it ({cut.reason}). The run goes on"
