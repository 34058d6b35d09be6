"""`manage.py restored`: after a restore from a backup, before anything else works on the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.common.clock import database_now
from recovery.restoring import take_over_restored


class Command(BaseCommand):
    """Take the restored rows out of the hands of whoever held them in the time that is lost."""

    help = "Run once after a restore, with everything stopped: agents of the lost time are told to stop."

    def handle(self, *_args: Any, **_options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Do it and say what comes next."""
        lease = settings.TIMINGS.lease
        done = take_over_restored(lease=timedelta(seconds=lease), now=database_now())
        self.stdout.write(
            f"{done.runs} live runs have a new epoch, {done.running} of them wait for their old process to be stopped; "
            f"{done.feeds} live feeds start anew.\n"
            f"Next: start the supervisor of every host now, everything else {lease:g} s later. The supervisors stop "
            f"what still runs from the lost time. Then run `manage.py audit`."
        )
