"""`python -m tests.benchmarks [name ...]`: run the named benchmarks, or all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.benchmarks import heartbeats, runs, sweeps, wakeups

BENCHMARKS: dict[str, Callable[[], None]] = {
    "runs": runs.bench,
    "heartbeats": heartbeats.bench,
    "sweeps": sweeps.bench,
    "wakeups": wakeups.bench,
}


def main(names: list[str]) -> int:
    """Run them in order; the exit code is 2 for an unknown name."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for name in names or BENCHMARKS:
        BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
