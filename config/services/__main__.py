"""`python -m config.services COMMAND ...`: run a command against throw-away servers of its own.

It finds them in DATABASE_URL and REDIS_URL. Where both are set already, the command simply runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

from config.services import ServiceError, throwaway_services


def main(command: list[str]) -> int:
    """Run `command` and return its exit code; 1 when the servers do not start, 2 without a command."""
    if not command:
        print("usage: python -m config.services COMMAND [ARGUMENT ...]", file=sys.stderr)  # noqa: T201
        return 2
    try:
        with contextlib.ExitStack() as running:
            env = dict(os.environ)
            if not (env.get("DATABASE_URL") and env.get("REDIS_URL")):
                running.enter_context(throwaway_services()).fill_in(env)
            return _run(command, env)
    except ServiceError as error:
        print(f"everbeat: {error}", file=sys.stderr)  # noqa: T201
        return 1


def _run(command: list[str], env: dict[str, str]) -> int:
    """A Ctrl-C reaches the command by itself: wait for what it makes of it. A TERM is passed on."""
    child = subprocess.Popen(command, env=env)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
