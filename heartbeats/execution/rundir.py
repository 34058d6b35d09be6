"""The run directory: where a run's process, log and end are recorded, and how to read that without ever tripping."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from heartbeats.execution.identity import ProcessIdentity
from heartbeats.execution.shim_parts import records
from heartbeats.execution.shim_parts.life import ERROR_NAME, EXIT_NAME, LEASE_NAME, PROCESS_NAME
from heartbeats.execution.shim_parts.logfile import LOG_NAME, STATE_NAME

Record = TypeVar("Record")

LIVE = "live"
ARCHIVE = "archive"
GIVEN_UP_NAME = "given-up"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that exists and cannot be used; `reason` is for people."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """Who runs this run. `started_at` is Unix seconds; group and session are the command's, not the shim's."""

    run_id: str
    marker: str
    shim: ProcessIdentity
    child: ProcessIdentity
    pgid: int
    sid: int
    started_at: float


@dataclass(frozen=True, slots=True)
class Truncation:
    """Output was left out of the log at this byte. `reason` is `log_limit` or an errno name such as `ENOSPC`."""

    at_byte: int
    reason: str
    dropped_bytes: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """How the command ended: exactly one of `exit_code` and `signal` (a name such as `SIGKILL`) is set.

    `reason` is `lease_lost` when the shim itself ended the command. Times are Unix seconds.
    """

    run_id: str
    exit_code: int | None
    signal: str | None
    reason: str | None
    started_at: float
    ended_at: float
    log_bytes: int
    log_sha256: str
    truncated: Truncation | None
    stdout_bytes: int
    stderr_bytes: int
    last_stdout_at: float | None
    last_stderr_at: float | None
    descendants_alive: bool
    pipes_held: bool


@dataclass(frozen=True, slots=True)
class RunDir:
    """One run directory. Readers return None for "not there", Unreadable for "there and broken", and never raise."""

    path: Path

    @property
    def name(self) -> str:
        """The name under which it was created."""
        return self.path.name

    @property
    def log_path(self) -> Path:
        """The NDJSON log; the shim is its only writer."""
        return self.path / LOG_NAME

    @property
    def lease_path(self) -> Path:
        """The file whose mtime the supervisor renews when the dead-man rule is on."""
        return self.path / LEASE_NAME

    def process(self) -> ProcessRecord | Unreadable | None:
        """The process record; None as long as nothing has been started."""
        return _read(self.path / PROCESS_NAME, parse_process)

    def exit_record(self) -> ExitRecord | Unreadable | None:
        """The exit record; None while the command runs."""
        return _read(self.path / EXIT_NAME, _parse_exit)

    def log_truncation(self) -> Truncation | Unreadable | None:
        """What is known about missing output while the command still runs."""
        return _read(self.path / STATE_NAME, lambda data: _parse_truncation(data["truncated"]))

    def log_size(self) -> int:
        """Bytes in the log; 0 when there is none."""
        found = _stat(self.log_path)
        return found.st_size if found else 0

    def last_output_at(self) -> float | None:
        """Unix seconds of the last output, to the second also while output is drained but no longer stored."""
        found = _stat(self.log_path)
        return found.st_mtime if found else None

    def shim_error(self) -> str | None:
        """The traceback of a shim that failed; None for the usual case."""
        try:
            return (self.path / ERROR_NAME).read_text("utf-8", "replace")
        except OSError:
            return None

    def renew_lease(self) -> bool:
        """Renew the dead-man lease; False when the directory refuses."""
        try:
            self.lease_path.touch(0o600)
        except OSError:
            return False
        return True

    def give_up(self) -> bool:
        """Note, before anything is signalled, that the host itself ends this execution for want of a lease.

        Whoever finds the dead later, also after the host's supervisor died, then knows that no retry is spent. False
        when the directory refuses.
        """
        try:
            (self.path / GIVEN_UP_NAME).touch(0o600)
        except OSError:
            return False
        return True

    @property
    def given_up(self) -> bool:
        """Whether that was noted."""
        return (self.path / GIVEN_UP_NAME).exists()

    def write_record(self, name: str, record: Mapping[str, object]) -> None:
        """Write a small JSON record atomically and durably. Raises OSError."""
        records.write_record(str(self.path), name, record)

    def archive(self) -> RunDir:
        """Move a finished run out of the live set, in one rename. Raises OSError."""
        target = self.path.parent.parent / ARCHIVE
        target.mkdir(mode=0o700, exist_ok=True)
        return RunDir(self.path.rename(target / self.name))

    def remove(self) -> bool:
        """Delete the directory; False when something of it is left."""
        shutil.rmtree(self.path, ignore_errors=True)
        return not self.path.exists()


def create(root: Path, name: str) -> RunDir:
    """Make the live run directory `name` (only its owner may enter) or return the one that is there.

    Raises ValueError for a name that is not a plain file name, OSError when the disk refuses.
    """
    path = _live(root) / _checked(name)
    path.mkdir(mode=0o700, exist_ok=True)
    return RunDir(path)


def locate(root: Path, name: str) -> RunDir | None:
    """The run directory of this name, live or archived."""
    candidates = (root / LIVE / _checked(name), root / ARCHIVE / name)
    return next((RunDir(path) for path in candidates if path.is_dir()), None)


def live_dirs(root: Path) -> list[RunDir]:
    """Every live run directory, by name. Never raises: no root, no runs."""
    try:
        with os.scandir(root / LIVE) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [RunDir(root / LIVE / name) for name in names]


def parse_process(data: Mapping[str, Any]) -> ProcessRecord:
    """A process record from its JSON form. Raises KeyError, TypeError or ValueError."""
    boot = str(data["boot_id"])
    return ProcessRecord(
        run_id=str(data["run_id"]),
        marker=str(data["marker"]),
        shim=ProcessIdentity(boot, int(data["shim_pid"]), int(data["shim_start_ticks"])),
        child=ProcessIdentity(boot, int(data["child_pid"]), int(data["child_start_ticks"])),
        pgid=int(data["pgid"]),
        sid=int(data["sid"]),
        started_at=float(data["started_at"]),
    )


def _parse_exit(data: Mapping[str, Any]) -> ExitRecord:
    code, signal = data["exit_code"], data["signal"]
    if (code is None) == (signal is None):
        raise ValueError("neither or both of exit code and signal")
    return ExitRecord(
        run_id=str(data["run_id"]),
        exit_code=None if code is None else int(code),
        signal=None if signal is None else str(signal),
        reason=data.get("reason"),
        started_at=float(data["started_at"]),
        ended_at=float(data["ended_at"]),
        log_bytes=int(data["log_bytes"]),
        log_sha256=str(data["log_sha256"]),
        truncated=None if data["truncated"] is None else _parse_truncation(data["truncated"]),
        stdout_bytes=int(data["output_bytes"]["stdout"]),
        stderr_bytes=int(data["output_bytes"]["stderr"]),
        last_stdout_at=data["last_output_at"]["stdout"],
        last_stderr_at=data["last_output_at"]["stderr"],
        descendants_alive=bool(data["descendants_alive"]),
        pipes_held=bool(data["pipes_held"]),
    )


def _parse_truncation(data: Mapping[str, Any]) -> Truncation:
    return Truncation(int(data["at_byte"]), str(data["reason"]), int(data["dropped_bytes"]), bool(data["resumed"]))


def _read(path: Path, parse: Callable[[Mapping[str, Any]], Record]) -> Record | Unreadable | None:
    try:
        return parse(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return Unreadable(path, f"{type(error).__name__}: {error}")


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _live(root: Path) -> Path:
    live = root / LIVE
    live.mkdir(mode=0o700, parents=True, exist_ok=True)
    return live


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a run directory name: {name!r}")
    return name
