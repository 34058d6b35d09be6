"""`POST tasks/{id}/log`: the output of a remote run, kept where that of local runs is (spec/1 D, spec/2 D)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction

from agents.scrubbing import scrub_text
from config.common.clock import wire_time
from config.common.wire.errors import Unauthorized
from heartbeats.execution.orders import attempt_name
from heartbeats.execution.rundir import ARCHIVE, RunDir
from heartbeats.execution.shim_parts import wire
from heartbeats.execution.shim_parts.logfile import LIMIT_REASON, MAX_LINE_BYTES
from heartbeats.execution.shim_parts.sanitise import StreamText
from heartbeats.intake.error_reports import Caller
from heartbeats.intake.leasing import renew
from heartbeats.intake.reports import Standing, own_run_or_refuse, refuse_unless_held, standing_of
from heartbeats.models import HeartbeatRun
from heartbeats.runs.leases import record_output

NOTE_RESERVE = 512


@dataclass(frozen=True, slots=True)
class LogPiece:
    """A piece of output; `seq` counts up within the run."""

    stream: str
    chunk: str
    seq: int


@dataclass(frozen=True, slots=True)
class Appended:
    """Whether this piece was new, and how long the log is now."""

    won: bool
    total_bytes: int
    run: HeartbeatRun


def append_to_log(caller: Caller, task_id: UUID, piece: LogPiece, *, held_epoch: int | None, now: datetime) -> Appended:
    """Store one piece, once. Raises NotFound, TaskError or StaleEpoch as a report does, OSError for a full disk.

    Under the run's lock the books say how long the log is: what stands behind that was written by a request whose
    transaction failed, so it is cut off and its repeat stores it again.
    """
    own_run_or_refuse(caller, task_id)
    with transaction.atomic(durable=True):
        run = HeartbeatRun.objects.select_for_update(no_key=True).filter(id=task_id).first()
        if run is None:
            raise Unauthorized
        standing = standing_of(run.status, run.epoch, held_epoch=held_epoch)
        appended = Appended(False, run.last_output_bytes or 0, run)
        if standing is Standing.HOLDS:
            renew(run.pk, epoch=run.epoch)
            if piece.seq > run.last_output_seq:
                appended = _append(run, piece, now)
    refuse_unless_held(standing)
    return appended


def remote_log_dir(root: Path, run: HeartbeatRun) -> RunDir:
    """Where the log of this attempt is, made if need be: beside the finished local ones, where no supervisor looks."""
    path = root / ARCHIVE / attempt_name(run.pk, run.epoch)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return RunDir(path)


def _append(run: HeartbeatRun, piece: LogPiece, now: datetime) -> Appended:
    directory = remote_log_dir(settings.RUNS_DIR, run)
    booked = run.last_output_bytes or 0 if run.log_ref == directory.name else 0
    lines = log_lines(piece.stream, piece.chunk, now)
    most = settings.RUN_LOG_MAX_BYTES
    full = run.log_truncated_at is not None
    if not full and booked + sum(map(len, lines)) > most - NOTE_RESERVE:
        note = f"The log ends here, at byte {booked}: {LIMIT_REASON} ({most} bytes).\n"
        lines, full = log_lines("system", note, now), True
        HeartbeatRun.objects.filter(pk=run.pk).update(log_truncated_at=booked)
    elif full:
        lines = []
    total = _write(directory.log_path, booked, b"".join(lines))
    record_output(
        run.pk,
        epoch=run.epoch,
        at=now,
        seq=piece.seq,
        stream=piece.stream,
        total_bytes=total,
        log_ref=directory.name,
    )
    return Appended(True, total, run)


def log_lines(stream: str, chunk: str, now: datetime) -> list[bytes]:
    """The chunk as NDJSON lines below 16 KiB, scrubbed, without inline images, with long lines cut."""
    text = StreamText([]).feed(scrub_text(chunk).encode("utf-8", "replace"), final=True)
    head = f'{{"ts":"{wire_time(now)}","stream":"{stream}","chunk":'.encode()
    budget = MAX_LINE_BYTES - len(head) - len(b"}\n")
    return [head + piece + b"}\n" for piece in wire.encoded_pieces(text, budget)] if text else []


def _write(path: Path, booked: int, data: bytes) -> int:
    handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        start = min(booked, os.fstat(handle).st_size)
        os.ftruncate(handle, start)
        os.lseek(handle, start, os.SEEK_SET)
        wire.write_all(handle, data)
    finally:
        os.close(handle)
    return start + len(data)
