"""`python -m config.up.gated MODULE ARG...`: be `python -m MODULE ARG...`, but wait at the gate first.

Loading Django is most of what starting a process costs, and needs no database. So the processes load it while the
preparation brings the database up to date, and touch nothing until standard input ends: that is the gate.
"""

from __future__ import annotations

import os
import runpy
import sys

import django


def main() -> None:
    """Load, wait, and become the program."""
    django.setup()
    wait_at_the_gate()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def wait_at_the_gate() -> None:
    """Return when standard input ends, and leave an empty one. A gate that is open already costs nothing."""
    while os.read(0, 1024):
        pass
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


if __name__ == "__main__":
    main()
