"""Where shims are born: one interpreter per launching process, which forks instead of starting another each time.

Starting an interpreter costs ten times what forking a small one does, and a burst of runs pays it for every run.
"""

from __future__ import annotations

import _socket
import gc
import os
import sys

from heartbeats.execution.shim_parts import bell, deadman, life, logfile, pump, sanitise

TYPE_CHECKING = False  # the typing module would cost more than all the rest of the start
if TYPE_CHECKING:
    from typing import NoReturn

_PATH_BYTES = 8192
_FD_BYTES = 4
# Loaded before the first fork, so that no shim loads them for itself.
_OF_EVERY_SHIM = (bell, deadman, logfile, pump, sanitise)


def serve() -> None:
    """Fork a shim for each message: the path of its run directory, and the socket on which it is told and answers.

    Ends when its launcher does, which no shim notices.
    """
    gc.freeze()
    launcher = _socket.socket(fileno=0)
    while True:
        path, passed, _flags, _address = launcher.recvmsg(_PATH_BYTES, _socket.CMSG_SPACE(_FD_BYTES))
        if not path:
            return
        conversation = int.from_bytes(passed[0][2][:_FD_BYTES], sys.byteorder)
        midwife = os.fork()
        if not midwife:
            _bear(path.decode("utf-8", "surrogateescape"), conversation)
        os.close(conversation)
        os.waitpid(midwife, 0)


def _bear(run_dir: str, conversation: int) -> NoReturn:
    """Become a shim that is nobody's child."""
    if os.fork():
        os._exit(0)
    os.dup2(conversation, 0)
    os.dup2(conversation, 1)
    life.main(run_dir)
