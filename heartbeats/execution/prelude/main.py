"""`python -I main.py`, with one JSON object on stdin: find the folder, then be the command (or stay to try once more).

`place`: options in order, see `places`. `argv`, `stdin`: the command. `instead`: `argv`, `stdin` and `words`, for when
the command fails with one of these words. Exits 1 when there is no folder, 127 when the command cannot be run.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))

from heartbeats.execution.prelude.command import become, run_watched
from heartbeats.execution.prelude.places import NoPlaceError, settle


def main() -> int:
    """Do it; returns only when the command cannot be started, or when it was watched and has ended."""
    asked: dict[str, Any] = json.load(sys.stdin)
    if asked.get("place"):
        try:
            settle(asked["place"])
        except NoPlaceError as problem:
            sys.stderr.write(f"Workspace: {problem}\n")
            return 1
    instead = asked.get("instead")
    if instead is None:
        return become(asked["argv"], asked.get("stdin"))
    code, matched = run_watched(asked["argv"], asked.get("stdin"), instead["words"])
    if code == 0 or not matched:
        return code
    sys.stderr.write("Session: the saved session is not known any more; starting afresh.\n")
    sys.stderr.flush()
    return become(instead["argv"], instead.get("stdin"))


if __name__ == "__main__":
    sys.exit(main())
