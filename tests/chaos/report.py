"""Writing reports down, and showing them as a table."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.chaos.fault import Outcome, Report

FILE = "EVERBEAT_CHAOS_REPORT"


def keep(report: Report) -> None:
    """Append to the file that the runner named, if it did: quick rows run in pytest's process."""
    path = os.environ.get(FILE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(report.as_dict()) + "\n")


def kept(path: Path) -> list[Report]:
    """What was kept, in order."""
    if not path.exists():
        return []
    return [_report(json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def line(report: Report) -> str:
    """One row of the table as a few lines of text."""
    limit = f" (limit {report.limit:g} s)" if report.limit else ""
    head = f"{report.number:>3}  {report.outcome.value:<9}  {report.seconds:6.1f} s{limit}  audit {report.audit or '-'}"
    parts = [head, f"     injected  {report.fault}", f"     expected  {report.expected}"]
    return "\n".join([*parts, f"     seen      {_short(report.seen)}"])


def summary(reports: Iterable[Report]) -> str:
    """How many of each outcome."""
    found = [report.outcome for report in reports]
    counts = [f"{found.count(outcome)} {outcome.value}" for outcome in Outcome if outcome in found]
    return ", ".join(counts) or "nothing was injected"


def _report(values: dict[str, Any]) -> Report:
    return Report(**{**values, "outcome": Outcome(values["outcome"])})


def _short(text: str, most: int = 900) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[:most]} …"
