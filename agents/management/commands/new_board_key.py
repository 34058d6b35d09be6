"""`manage.py new_board_key operator`: another key for an operator, or the only one."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.keys import issue_board_key, revoke_board_keys
from agents.models import User
from config.common.clock import utc_now


class Command(BaseCommand):
    """Issues a board key and shows it once."""

    help = "Create a board key for an operator and print it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, under which name, and whether the others end."""
        parser.add_argument("username")
        parser.add_argument("--name", default="command line")
        parser.add_argument("--revoke-others", action="store_true", help="revoke every other key of this operator")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401
        """Print the token alone, so that it can be piped."""
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active operator called {options['username']!r}.")
        if options["revoke_others"]:
            revoke_board_keys(user, now=utc_now())
        self.stdout.write(issue_board_key(user, options["name"]).token)
