"""Start a child process that does not outlive us.

On Linux the kernel sends the child a signal when its parent dies, also by SIGKILL (`PR_SET_PDEATHSIG`). The kernel
means the parent *thread*, so all children are started from one thread that lives as long as this process. On other
systems a SIGKILL of this process leaves its children running; the next start finds and stops leftover servers.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from config.services.accounts import Account

PR_SET_PDEATHSIG = 1

# Loaded before any fork: the child of a process with threads must not load libraries.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


def spawn(
    argv: Sequence[str | Path],
    *,
    death_signal: signal.Signals,
    cwd: Path,
    env: Mapping[str, str],
    output: IO[bytes] | int,
    account: Account | None = None,
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own (a Ctrl-C in our terminal does not reach it).

    The child gets `death_signal` when this process dies, however it dies. `account` is the user to run as; None
    means ours. Standard output and error go to `output`, standard input is empty. Raises OSError as Popen does.
    """

    def start() -> subprocess.Popen[bytes]:
        identity = account.popen_identity() if account else {}
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
            [os.fspath(part) for part in argv],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=tie_to_parent(death_signal),  # noqa: PLW1509 (one prctl call, no locks)
            **identity,
        )

    return _spawner.submit(start).result()


def tie_to_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """For Popen's `preexec_fn`: ask the kernel to send `death_signal` when the starting thread ends.

    It runs between fork and exec, after the change of user, which would clear the request. None where the kernel
    has no such service.
    """
    if _libc is None:
        return None
    prctl, number, parent = _libc.prctl, int(death_signal), os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # the parent died before the request: nobody would ever tell us

    return tie
