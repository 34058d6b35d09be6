"""What must hold for the log files of this host."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from heartbeats.execution import rundir
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from recovery.audit.checks import MOST_ROWS, Check, Moment

LOOKED_AT = 500


def log_bytes_that_differ(moment: Moment) -> list[dict[str, Any]]:
    """Ended runs of this host, newest first, whose byte count is not the file's size. A pruned log is no fault."""
    ended = HeartbeatRun.objects.filter(
        executor_host=settings.HOST_ID,
        status__in=RunStatus.TERMINAL,
        finished_at__gt=moment.now - moment.lookback,
        log_bytes__isnull=False,
        log_ref__isnull=False,
    ).order_by("-created_at")
    found = []
    for run_id, log_ref, stored in ended.values_list("id", "log_ref", "log_bytes")[:LOOKED_AT]:
        size = _size(log_ref)
        if size is not None and size != stored:
            found.append({"run_id": run_id, "log_ref": log_ref, "stored_bytes": stored, "file_bytes": size})
    return found[:MOST_ROWS]


def _size(log_ref: str | None) -> int | None:
    try:
        directory = rundir.locate(settings.RUNS_DIR, log_ref or "")
    except ValueError:
        return None
    if directory is None or not directory.log_path.exists():
        return None
    return directory.log_size()


CHECKS = (Check("log_bytes_match", "the log of an ended run has as many bytes as the run says", log_bytes_that_differ),)
