"""`manage.py audit [--json] [--grace SECONDS]`: exit code 1 when an invariant is broken."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from recovery.audit.checks import GRACE
from recovery.audit.run import CHECKS, audit


class Command(BaseCommand):
    """Check the invariants and the promise on the live database, read-only."""

    help = "Check every invariant, read-only. Exit code 1 when one is broken."

    def add_arguments(self, parser: CommandParser) -> None:
        """How patient, which checks, and how to print."""
        parser.add_argument("--json", action="store_true", help="print the violations as JSON")
        parser.add_argument("--grace", type=float, default=GRACE.total_seconds(), help="seconds of patience (120)")
        parser.add_argument("--only", nargs="*", default=[], choices=[check.name for check in CHECKS])

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Ask and print."""
        found = audit(grace=timedelta(seconds=options["grace"]), only=options["only"])
        if options["json"]:
            rows = [{"check": each.check, "promise": each.promise, "row": dict(each.row)} for each in found]
            self.stdout.write(json.dumps({"violations": rows, "checks": len(CHECKS)}, indent=2, default=str))
        else:
            for violation in found:
                self.stdout.write(violation.text)
            self.stdout.write(f"{len(CHECKS)} checks, {len(found)} violations")
        if found:
            sys.exit(1)
