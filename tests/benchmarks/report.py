"""How a measurement is written down."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence


def emit(bench: str, **figures: object) -> None:
    """One JSON line on standard output."""
    print(json.dumps({"bench": bench, **figures}), flush=True)


def spread(name: str, seconds: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile, in seconds."""
    ordered = sorted(seconds)
    return {
        f"{name}_p50": round(statistics.median(ordered), 4),
        f"{name}_p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 4),
    }
