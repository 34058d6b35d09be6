"""Start a server again that ended by itself: for want of disk or memory, or by a fault of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from config.services.errors import ServiceError
from config.services.launcher import Services

LOOK_EVERY = 1.0
LONGEST_PAUSE = 15.0


@contextlib.contextmanager
def kept_running(services: Services, say: Callable[[str], None]) -> Iterator[None]:
    """For the length of the block a server that is gone is started again, with growing pauses while that fails.

    `say` gets a line for each end and each start. Nobody else may start or stop the servers meanwhile; one start may
    be waited for at the end of the block.
    """
    enough = threading.Event()
    keeper = threading.Thread(target=_keep, args=(services, say, enough), name="keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        enough.set()
        keeper.join()


def _keep(services: Services, say: Callable[[str], None], enough: threading.Event) -> None:
    pause = LOOK_EVERY
    while not enough.wait(pause):
        pause = LOOK_EVERY if _all_run(services, say) else min(2 * pause, LONGEST_PAUSE)


def _all_run(services: Services, say: Callable[[str], None]) -> bool:
    for server in (services.postgres, services.valkey):
        if server.alive:
            continue
        say(f"{server.spec.name} ended by itself; it is started again")
        try:
            server.start()
        except ServiceError as error:
            say(str(error))
            return False
        say(f"{server.spec.name} runs again")
    return True
