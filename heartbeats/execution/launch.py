"""Starting a run from a worker: hand the spec to a shim, wait for its one line, keep no child (DESIGN section 5)."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from heartbeats.execution.nursery import nursery
from heartbeats.execution.rundir import ProcessRecord, RunDir, parse_process
from heartbeats.execution.shim_parts.life import DEFAULT_MAX_LOG_BYTES
from heartbeats.execution.shim_parts.sanitise import LINE_LIMIT_CHARS

_ANSWER_MARGIN_SEC = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSpec:
    """What to run. `env` is complete: nothing is inherited. `redact` lists secrets that must not reach the log.

    `notes` are lines that the log begins with, on the stream `system`. `stdin` None means an empty stdin. `doorbell`
    is the path of a Unix datagram socket. `deadman_sec` None means that the shim never ends the command by itself; with
    it, TERM, then KILL after `grace_sec`, when the lease goes stale.
    """

    run_id: str
    marker: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    stdin: str | None = None
    redact: Sequence[str] = ()
    notes: Sequence[str] = ()
    max_log_bytes: int = DEFAULT_MAX_LOG_BYTES
    max_line_chars: int = LINE_LIMIT_CHARS
    grace_sec: float = 15.0
    deadman_sec: float | None = None
    doorbell: str | None = None

    def __repr__(self) -> str:
        """Without environment, stdin and secrets: a spec may end up in a traceback."""
        return f"LaunchSpec(run_id={self.run_id!r}, cwd={self.cwd!r})"


@dataclass(frozen=True, slots=True)
class Launched:
    """The command runs, and its record is on disk."""

    process: ProcessRecord


@dataclass(frozen=True, slots=True)
class LaunchFailed:
    """Nothing runs, and nothing will. Codes: `command_not_found`, `command_not_executable`, `cwd_not_found`,
    `cwd_not_directory`, `run_dir_unwritable`, `already_started`, `start_timeout`, `spawn_failed`.
    """

    code: str
    message: str


def launch(run_dir: RunDir, spec: LaunchSpec, *, timeout: float = 10.0) -> Launched | LaunchFailed:
    """Start the command under a shim that outlives this process. Safe in threads; the shim is nobody's child.

    After `timeout` seconds the shim itself refuses to start, so a failure for lateness is final too.
    """
    document = {**asdict(spec), "start_by": time.monotonic() + timeout}
    try:
        payload = json.dumps(document).encode()
    except (TypeError, ValueError) as error:
        return LaunchFailed("spawn_failed", f"The launch cannot be handed over: {error}.")
    try:
        answer = _ask_shim(run_dir, payload, timeout + _ANSWER_MARGIN_SEC)
    except OSError as error:
        return LaunchFailed("spawn_failed", f"The shim could not be started: {error.strerror}.")
    return _understand(answer) or _look_in(run_dir)


def _ask_shim(run_dir: RunDir, payload: bytes, timeout: float) -> bytes:
    """The shim's line; empty when it said nothing in time, and then it may still have begun."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        nursery(run_dir.path.parent).bear(run_dir.path, theirs)
        theirs.close()
        ours.settimeout(timeout)
        try:
            ours.sendall(payload)
            ours.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: ours.recv(65536), b""))
        except OSError:
            return b""


def _understand(answer: bytes) -> Launched | LaunchFailed | None:
    try:
        message: dict[str, Any] = json.loads(answer)
        if "started" in message:
            return Launched(parse_process(message["started"]))
        return LaunchFailed(str(message["failed"]["code"]), str(message["failed"]["message"]))
    except (ValueError, KeyError, TypeError):
        return None


def _look_in(run_dir: RunDir) -> Launched | LaunchFailed:
    """No answer: the record on disk has the last word."""
    record = run_dir.process()
    if isinstance(record, ProcessRecord):
        return Launched(record)
    detail = run_dir.shim_error()
    reason = detail.strip().splitlines()[-1] if detail else "it gave no answer"
    return LaunchFailed("spawn_failed", f"The shim did not start the command: {reason}.")
