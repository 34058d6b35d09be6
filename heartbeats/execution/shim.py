"""The small process that stands between Everbeat and an agent's command, and outlives every worker.

`python -I -S shim.py RUN_DIR`, launch spec as JSON on stdin, one JSON line of answer on stdout. It detaches, starts
the command in a session of its own, stores its output in `log.ndjson` and leaves `exit.json` when it ends. Secrets
come in through stdin and never touch the disk. DESIGN section 5; spec/6 rows 1 to 7.
"""

from __future__ import annotations

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from heartbeats.execution.shim_parts.life import main

if __name__ == "__main__":
    main(sys.argv[1])
