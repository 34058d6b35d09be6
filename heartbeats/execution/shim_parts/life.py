"""The shim's life: read the spec, detach, start, record, pump, record the end."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os
import time

from heartbeats.execution import procfs
from heartbeats.execution.shim_parts import records, wire
from heartbeats.execution.shim_parts.spawn import Child, Command, StartError

TYPE_CHECKING = False  # the typing module would cost more than all the rest of the start
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from heartbeats.execution.shim_parts.logfile import LogFile
    from heartbeats.execution.shim_parts.pump import Pump

PROCESS_NAME = "process.json"
EXIT_NAME = "exit.json"
LEASE_NAME = "lease"
ERROR_NAME = "shim_error.txt"
DEFAULT_MAX_LOG_BYTES = 64 * 1024 * 1024
_EXIT_RETRY_SEC = 1.0
_EXIT_RETRIES = 3600


def main(run_dir: str) -> NoReturn:
    """Be the shim of the launch that comes in on file descriptor 0; the answer goes out on 1."""
    os.closerange(3, 65536)
    spec = _read_spec()
    try:
        os.setsid()
        for name in ("SIGHUP", "SIGINT", "SIGTERM", "SIGQUIT", "SIGPIPE", "SIGXFSZ"):
            _signal.signal(getattr(_signal, name), _signal.SIG_IGN)
        _live(run_dir, spec)
    except BaseException:
        _leave_traceback(run_dir)
        os._exit(1)
    os._exit(0)


def _read_spec() -> dict[str, Any]:
    chunks = []
    while chunk := os.read(0, 1 << 20):
        chunks.append(chunk)
    try:
        spec = wire.loads_object(b"".join(chunks).decode("utf-8", "surrogatepass"))
    except ValueError:
        # The launcher died while it wrote: nothing was started, nobody is listening.
        os._exit(2)
    return spec


def _live(run_dir: str, spec: dict[str, Any]) -> None:
    try:
        started = _Start(run_dir, spec)
    except StartError as failure:
        _answer({"failed": {"code": failure.code, "message": failure.message}})
        return
    _answer({"started": started.record})
    started.watch()


class _Start:
    """The command, started and recorded. Raises StartError and then leaves no trace in the run directory."""

    def __init__(self, run_dir: str, spec: dict[str, Any]) -> None:
        self._run_dir = run_dir
        self._spec = spec
        command = Command(spec)
        self._claim()
        try:
            self._start(command)
        except StartError:
            records.discard(run_dir, PROCESS_NAME, f".{PROCESS_NAME}.tmp", f".{EXIT_NAME}.reserve", "log.ndjson")
            raise

    def _claim(self) -> None:
        """Creating the log is the claim: a doubled launch of the same run directory is refused."""
        from heartbeats.execution.shim_parts.logfile import LogFile

        try:
            self._log = LogFile(self._run_dir, int(self._spec.get("max_log_bytes") or DEFAULT_MAX_LOG_BYTES))
        except FileExistsError:
            raise StartError("already_started", "This run directory already has a log.") from None
        except OSError as error:
            raise _unwritable(error) from None

    def _start(self, command: Command) -> None:
        self._out, out_write = os.pipe()
        self._err, err_write = os.pipe()
        self._stdin: int | None = None
        stdin_read = os.open(os.devnull, os.O_RDONLY)
        if self._spec.get("stdin") is not None:
            stdin_read, self._stdin = os.pipe()
        child = Child(command, stdin_read, out_write, err_write)
        for fd in (stdin_read, out_write, err_write):
            os.close(fd)
        try:
            self.record = self._write_process(child.pid)
            records.reserve(self._run_dir, EXIT_NAME)
        except OSError as error:
            child.abandon()
            raise _unwritable(error) from None
        if time.monotonic() > float(self._spec.get("start_by") or float("inf")):
            child.abandon()
            raise StartError("start_timeout", "The start took too long; nothing was run.")
        child.release(command)

    def _write_process(self, child_pid: int) -> dict[str, Any]:
        own, child = procfs.read_stat(os.getpid()), procfs.read_stat(child_pid)
        record = {
            "run_id": self._spec["run_id"],
            "marker": self._spec["marker"],
            "boot_id": procfs.boot_id(),
            "shim_pid": os.getpid(),
            "shim_start_ticks": own.start_ticks if own else 0,
            "child_pid": child_pid,
            "child_start_ticks": child.start_ticks if child else 0,
            "pgid": child_pid,
            "sid": child_pid,
            "started_at": time.time(),
        }
        records.write_record(self._run_dir, PROCESS_NAME, record)
        return record

    def watch(self) -> None:
        """Pump until the end and record it."""
        from heartbeats.execution.shim_parts.bell import Bell
        from heartbeats.execution.shim_parts.deadman import DeadMan
        from heartbeats.execution.shim_parts.pump import Output, Pump
        from heartbeats.execution.shim_parts.sanitise import LINE_LIMIT_CHARS, secret_forms

        spec = self._spec
        for note in spec.get("notes") or ():
            self._log.note(f"{note}\n")
        bell = Bell(spec.get("doorbell"), spec["run_id"])
        bell.ring("started")
        forms = secret_forms(spec.get("redact") or ())
        limit = int(spec.get("max_line_chars") or LINE_LIMIT_CHARS)
        outputs = [Output("stdout", self._out, forms, limit), Output("stderr", self._err, forms, limit)]
        grace = float(spec.get("grace_sec") or 0)
        deadman = DeadMan(f"{self._run_dir}/{LEASE_NAME}", spec.get("deadman_sec"), grace, time.monotonic())
        pump = Pump(self.record["child_pid"], outputs, self._log, bell, deadman)
        if self._stdin is not None:
            pump.send_stdin(self._stdin, spec["stdin"])
        spec.clear()
        pump.run()
        deadman.end(self.record["pgid"])
        self._log.finish()
        facts = _exit_facts(self.record, pump, self._log)
        facts["output_bytes"] = {output.name: output.total for output in outputs}
        facts["last_output_at"] = {output.name: output.last_at for output in outputs}
        facts["reason"] = "lease_lost" if deadman.fired else None
        _write_exit(self._run_dir, facts)
        bell.ring("exited")


def _exit_facts(record: dict[str, Any], pump: Pump, log: LogFile) -> dict[str, Any]:
    status = pump.wait_status or 0
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    return {
        "run_id": record["run_id"],
        "exit_code": os.WEXITSTATUS(status) if number is None else None,
        "signal": None if number is None else _signal_name(number),
        "started_at": record["started_at"],
        "ended_at": pump.ended_at,
        "log_bytes": log.size,
        "log_sha256": log.sha256(),
        "truncated": log.truncated,
        "descendants_alive": _group_alive(record["pgid"]),
        "pipes_held": pump.pipes_held(),
    }


def _group_alive(pgid: int) -> bool:
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return any(stat.pgid == pgid for stat in procfs.list_stats())


def _write_exit(run_dir: str, facts: dict[str, Any]) -> None:
    """The one record that must not be lost: keep trying while the run directory exists."""
    for _attempt in range(_EXIT_RETRIES):
        try:
            records.write_reserved(run_dir, EXIT_NAME, facts)
            return
        except OSError:
            if not os.path.isdir(run_dir):
                return
            time.sleep(_EXIT_RETRY_SEC)


def _answer(message: dict[str, Any]) -> None:
    """Tell the launcher and let go of it. A dead launcher changes nothing."""
    try:  # noqa: SIM105  contextlib would cost two milliseconds
        wire.write_all(1, wire.dumps(message).encode("utf-8", "replace") + b"\n")
    except OSError:
        pass
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)
    os.chdir("/")


def _unwritable(error: OSError) -> StartError:
    return StartError("run_dir_unwritable", f"The run directory cannot be written: {error.strerror}.")


def _signal_name(number: int) -> str:
    names = (name for name in dir(_signal) if name.startswith("SIG") and not name.startswith("SIG_"))
    return next((name for name in names if getattr(_signal, name) == number), f"SIG{number}")


def _leave_traceback(run_dir: str) -> None:
    import traceback

    try:
        with open(f"{run_dir}/{ERROR_NAME}", "w", encoding="utf-8", errors="replace") as file:
            traceback.print_exc(file=file)
    except OSError:
        return
