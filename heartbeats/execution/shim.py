"""The small processes that stand between Everbeat and agents' commands, and outlive every worker.

`python -I -S shim.py RUNS_DIR` is a nursery: for each launch that its launcher hands it over the socket on file
descriptor 0 it forks a shim. A shim reads the launch spec as JSON and answers with one JSON line, detaches, starts the
command in a session of its own, stores its output in `log.ndjson` and leaves `exit.json` when it ends. Secrets come in
through the socket and never touch the disk. DESIGN section 5; spec/6 rows 1 to 7.
"""

from __future__ import annotations

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from heartbeats.execution.shim_parts.nursery import serve

if __name__ == "__main__":
    serve()
