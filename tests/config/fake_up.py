"""`make up` with other processes: `python fake_up.py SECONDS PREPARE ROLE ...`; the roles are those of fake_process."""

from __future__ import annotations

import sys
from pathlib import Path

from config.up.plan import ProcessSpec, read_plan
from config.up.probes import answers_ok
from config.up.run import run

PROCESS = str(Path(__file__).with_name("fake_process.py"))


def main() -> int:
    seconds, prepare, *roles = sys.argv[1:]
    plan = read_plan()
    ready = dict.fromkeys(("api", "deaf-api"), answers_ok(f"http://127.0.0.1:{plan.port}/readyz"))
    specs = [ProcessSpec(role, (sys.executable, PROCESS, role), ready=ready.get(role)) for role in roles]
    preparation = ProcessSpec("prepare", (sys.executable, PROCESS, prepare))
    return run(plan, preparation, specs, ready_within=float(seconds))


if __name__ == "__main__":
    sys.exit(main())
