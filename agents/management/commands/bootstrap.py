"""`manage.py bootstrap`: the first operator of an empty database. Does nothing on any other."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from agents.bootstrap import bootstrap, write_operator_file
from config.common.clock import utc_now


class Command(BaseCommand):
    """Makes the first operator and tells the login once."""

    help = "Create the first operator, a board key and a demo company in an empty database."

    def handle(self, *_args: Any, **_options: Any) -> None:  # noqa: ANN401
        """Make it, keep it in `operator.env`, and say so."""
        made = bootstrap(now=utc_now())
        if made is None:
            return
        write_operator_file(settings.STATE_DIR / "operator.env", made)
        self.stdout.write(f"operator:      {made.user.get_username()}")
        self.stdout.write(f"password:      {made.password}")
