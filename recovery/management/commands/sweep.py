"""`manage.py sweep NAME [--dry-run] [--json]`: one pass by hand."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, dry_run, run_sweep_by_hand
from recovery.vocabulary import SweepName, SweepOutcome


class Command(BaseCommand):
    """Run one sweep now, also a switched-off one, or say what it would do."""

    help = "Run one sweep now, or with --dry-run say what it would do. Exit code 1 when the pass failed."

    def add_arguments(self, parser: CommandParser) -> None:
        """The sweep, and how to run and print it."""
        parser.add_argument("name", choices=[name.value for name in SweepName])
        parser.add_argument("--dry-run", action="store_true", help="decide and report, write nothing")
        parser.add_argument("--json", action="store_true", help="print the whole report as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Run and print."""
        sweep = sweep_named(SweepName(options["name"]))
        report = dry_run(sweep) if options["dry_run"] else run_sweep_by_hand(sweep)
        self.stdout.write(json.dumps(report.as_dict(), indent=2, default=str) if options["json"] else _text(report))
        if report.outcome is SweepOutcome.FAILED:
            raise CommandError(report.error or "the pass failed")


def _text(report: SweepReport) -> str:
    counted = {**report.counts, **{f"left: {why}": n for why, n in report.results.skipped.items()}}
    lines = [f"{report.sweep}: {report.skipped_because or report.outcome.value} in {report.seconds:.3f} s"]
    lines += [f"  {name.replace('_', ' ')}: {number}" for name, number in sorted(counted.items())]
    lines += [f"  failed: {row_id}: {text}" for row_id, text in report.results.error_texts]
    return "\n".join(lines)
