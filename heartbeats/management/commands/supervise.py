"""`manage.py supervise`: watch the runs of this host until told to stop. One per host; the runs outlive it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from heartbeats.execution.supervisor.host import AlreadySupervised, lock_runs, this_host
from heartbeats.execution.supervisor.loop import Supervisor


class Command(BaseCommand):
    """Adopts, renews, stops and ends the runs of this host."""

    help = "Watch the runs of this host: adopt, renew leases, enforce limits, finalise. One per host."
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:  # noqa: ANN401
        """Run until SIGTERM or SIGINT. Exits with an error when another supervisor has these run directories."""
        try:
            lock_runs(settings.RUNS_DIR)
        except AlreadySupervised as refusal:
            raise CommandError(str(refusal)) from None
        Supervisor(this_host(), settings.RUNS_DIR, settings.TIMINGS).run()
