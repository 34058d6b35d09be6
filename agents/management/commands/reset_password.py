"""`manage.py reset_password operator`: a new password for somebody who lost theirs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.bootstrap import new_password
from agents.models import User


class Command(BaseCommand):
    """Sets a generated password and shows it once. Sessions of the old one end."""

    help = "Give an operator a new, generated password and print it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose."""
        parser.add_argument("username")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401
        """Print the password alone."""
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no operator called {options['username']!r}.")
        password = new_password()
        user.set_password(password)
        user.save(update_fields=["password"])
        self.stdout.write(password)
