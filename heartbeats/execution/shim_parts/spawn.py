"""Starting the command: checks with clear codes, then fork, record, and only then exec.

The child waits at a gate until its record is on disk. If the shim dies before that, the gate closes and the child
leaves without running anything: no command ever runs unrecorded (spec/6 row 4).
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import os
import stat

TYPE_CHECKING = False  # the typing module would cost more than all the rest of the start
if TYPE_CHECKING:
    from typing import Any, NoReturn

MARKER_VARIABLE = "EVERBEAT_RUN_MARKER"
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
_READY, _GO = b"r", b"g"
_RESET_SIGNALS = ("SIGHUP", "SIGINT", "SIGTERM", "SIGQUIT", "SIGPIPE", "SIGCHLD", "SIGXFSZ")


class StartError(Exception):
    """The command did not start. `code` is one of the launch codes, `message` is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Command:
    """A checked command: absolute executable, encoded arguments and environment, existing directory."""

    __slots__ = ("argv", "cwd", "env", "path")

    def __init__(self, spec: dict[str, Any]) -> None:
        argv, env, cwd = spec.get("argv"), spec.get("env"), spec.get("cwd")
        if not isinstance(argv, list) or not argv or not argv[0]:
            raise StartError("spawn_failed", "The command is empty.")
        if not isinstance(env, dict) or not isinstance(cwd, str):
            raise StartError("spawn_failed", "The launch needs an environment and a working directory.")
        _check_directory(cwd)
        self.cwd = cwd
        self.argv = [_encoded(word, "an argument") for word in argv]
        self.env = {
            _encoded(name, "an environment name"): _encoded(value, f"the environment value {name}")
            for name, value in env.items()
        }
        for name in env:
            if not name or "=" in name:
                raise StartError("spawn_failed", f"The environment name {name!r} is not usable.")
        self.env[MARKER_VARIABLE.encode()] = _encoded(spec.get("marker"), "the run marker")
        self.path = _find_executable(argv[0], cwd, env.get("PATH", DEFAULT_PATH))


class Child:
    """A forked child that waits at its gate, in a session and process group of its own."""

    def __init__(self, command: Command, stdin: int, stdout: int, stderr: int) -> None:
        gate_read, self._gate = os.pipe()
        self._status, status_write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._gate)
            os.close(self._status)
            _become(command, (stdin, stdout, stderr), gate_read, status_write)
        os.close(gate_read)
        os.close(status_write)
        report = os.read(self._status, 16)
        if report != _READY:
            self.abandon()
            raise _setup_failure(command, report)

    def release(self, command: Command) -> None:
        """Open the gate and wait for exec. Raises StartError; then the child is reaped."""
        os.write(self._gate, _GO)
        os.close(self._gate)
        report = os.read(self._status, 16)
        os.close(self._status)
        if report:
            os.waitpid(self.pid, 0)
            raise _exec_failure(command, int(report))

    def abandon(self) -> None:
        """Close the gate: the child ends without running the command, and is reaped."""
        os.close(self._gate)
        os.close(self._status)
        os.waitpid(self.pid, 0)


def _become(command: Command, streams: tuple[int, int, int], gate: int, status: int) -> NoReturn:
    try:
        os.setsid()
        for number, fd in enumerate(streams):
            os.dup2(fd, number)
        for name in _RESET_SIGNALS:
            _signal.signal(getattr(_signal, name), _signal.SIG_DFL)
        os.chdir(command.cwd)
        os.write(status, _READY)
        if os.read(gate, 1) == _GO:
            os.execve(command.path, command.argv, command.env)  # noqa: S606
    except OSError as error:
        os.write(status, str(error.errno).encode())
    finally:
        os._exit(127)


def _setup_failure(command: Command, report: bytes) -> StartError:
    reason = os.strerror(int(report)) if report else "the child ended early"
    return StartError("spawn_failed", f"The command could not be prepared in {command.cwd}: {reason}.")


def _exec_failure(command: Command, number: int) -> StartError:
    reason = os.strerror(number)
    if number in (errno.ENOENT, errno.ENOTDIR):
        return StartError("command_not_found", f"{command.path} names an interpreter that does not exist.")
    if number in (errno.EACCES, errno.EPERM, errno.ENOEXEC, errno.EISDIR):
        return StartError("command_not_executable", f"{command.path} cannot be executed: {reason}.")
    return StartError("spawn_failed", f"{command.path} could not be started: {reason}.")


def _check_directory(cwd: str) -> None:
    try:
        mode = os.stat(cwd).st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise StartError("cwd_not_found", f"The working directory {cwd!r} does not exist.") from None
    except (OSError, ValueError) as error:
        raise StartError("spawn_failed", f"The working directory {cwd!r} cannot be used: {error}.") from None
    if not stat.S_ISDIR(mode):
        raise StartError("cwd_not_directory", f"The working directory {cwd!r} is not a directory.")


def _find_executable(name: str, cwd: str, search: str) -> str:
    if "/" in name:
        candidates = [os.path.join(cwd, name)]
    else:
        candidates = [os.path.join(cwd, folder, name) for folder in search.split(":") if folder]
    present = [path for path in candidates if os.path.exists(path)]
    for path in present:
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    if present:
        kind = "a directory" if os.path.isdir(present[0]) else "not executable"
        raise StartError("command_not_executable", f"{present[0]} is {kind}.")
    where = "" if "/" in name else f" in PATH ({search})"
    raise StartError("command_not_found", f"The command {name!r} does not exist{where}.")


def _encoded(value: object, what: str) -> bytes:
    if not isinstance(value, str):
        raise StartError("spawn_failed", f"The launch has {what} that is {type(value).__name__}, not text.")
    if "\0" in value:
        raise StartError("spawn_failed", f"The launch has {what} with a NUL character.")
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise StartError("spawn_failed", f"The launch has {what} that cannot be written as UTF-8.") from None
