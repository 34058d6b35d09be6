"""Running the command: by becoming it, or by standing next to it and listening."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

_HEARD_BYTES = 256 * 1024
_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def become(argv: Sequence[str], stdin: str | None) -> int:
    """Replace this process by the command: same pid, same output. Returns 127 when it cannot be run."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(_open_input(stdin), 0)
    try:
        os.execvp(argv[0], list(argv))  # noqa: S606
    except OSError as problem:
        return _refused(argv[0], problem)


def run_watched(argv: Sequence[str], stdin: str | None, words: Sequence[str]) -> tuple[int, bool]:
    """Run the command, pass on what it says, and tell its exit code and whether it said one of the words.

    A command that a signal ended takes this process along, by the same signal. TERM, INT and HUP reach the command
    through the process group; here they only wait for it.
    """
    source = _open_input(stdin)
    try:
        child = subprocess.Popen(list(argv), stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as problem:
        return _refused(argv[0], problem), False
    for number in _PASSED_ON:
        signal.signal(number, lambda _number, _frame: None)
    os.close(source)
    assert child.stdout is not None
    assert child.stderr is not None
    ears = [_Ear(child.stdout.fileno(), 1), _Ear(child.stderr.fileno(), 2)]
    code = child.wait()
    for ear in ears:
        ear.join()
    if code < 0:
        _die_by(-code)
    pattern = re.compile("|".join(words), re.IGNORECASE)
    return code, any(pattern.search(ear.heard()) for ear in ears)


class _Ear(threading.Thread):
    """Copies one stream through, and keeps the end of it."""

    def __init__(self, source: int, target: int) -> None:
        super().__init__(daemon=True)
        self._source, self._target = source, target
        self._kept = bytearray()
        self.start()

    def run(self) -> None:
        """Copy until the stream ends."""
        while block := os.read(self._source, 65536):
            self._kept += block
            del self._kept[:-_HEARD_BYTES]
            while block:
                block = block[os.write(self._target, block) :]

    def heard(self) -> str:
        """The end of what was said."""
        return self._kept.decode("utf-8", "replace")


def _open_input(text: str | None) -> int:
    """A file to read the text from that no disk ever sees; nothing to read without one."""
    if text is None:
        return os.open(os.devnull, os.O_RDONLY)
    number = os.memfd_create("input")
    with os.fdopen(os.dup(number), "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))
    os.lseek(number, 0, os.SEEK_SET)
    return number


def _refused(command: str, problem: OSError) -> int:
    sys.stderr.write(f"The command {command!r} cannot be run: {problem.strerror}.\n")
    return 127


def _die_by(number: int) -> None:
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
