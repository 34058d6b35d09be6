"""`python -m config.up`: what `make up` runs once everything is installed."""

from __future__ import annotations

import sys

from config.up.plan import PREPARE, everbeat_processes, read_plan
from config.up.run import run

if __name__ == "__main__":
    plan = read_plan()
    sys.exit(run(plan, PREPARE, everbeat_processes(plan)))
