"""`manage.py remote_agent`: a complete agent that polls a server for work."""

from __future__ import annotations

import os
import platform
import shlex
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from heartbeats.intake.reference.agent import FETCH_EVERY, BadKey, RemoteAgent
from heartbeats.intake.reference.client import AgentClient


class Command(BaseCommand):
    """Heartbeats, fetches runs, executes a command for each, streams its log, and reports.

    The command finds the run in its environment (EVERBEAT_RUN_ID, EVERBEAT_TASK_ID, EVERBEAT_API_KEY, ...) and the task
    as text on its standard input. Exit code 0 completes the run; any other fails it, and it is tried again.
    """

    help = "Work as a remote agent: run a command for every run that the server hands out."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """The server, the key, and what to run."""
        parser.add_argument("--url", default=os.environ.get("EVERBEAT_API_URL"), help="where the server is")
        parser.add_argument("--key", default=os.environ.get("EVERBEAT_AGENT_KEY"), help="the agent's key")
        parser.add_argument("--command", required=True, dest="argv", help="what to run, as one shell-quoted string")
        parser.add_argument("--slots", type=int, default=1, help="how many runs at once")
        parser.add_argument("--fetch-every", type=float, default=FETCH_EVERY, help="seconds between two questions")

    def handle(self, *_args: str, **options: Any) -> None:  # noqa: ANN401
        """Work until SIGTERM or SIGINT."""
        if not options["url"] or not options["key"]:
            raise CommandError("--url and --key are needed (or EVERBEAT_API_URL and EVERBEAT_AGENT_KEY)")
        agent = RemoteAgent(
            AgentClient(options["url"], options["key"]),
            shlex.split(options["argv"]),
            url=options["url"],
            slots=options["slots"],
            say=self.stdout.write,
            fetch_every=options["fetch_every"],
            about={"deviceInfo": {"os": platform.platform(), "cpuCount": os.cpu_count()}},
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: agent.end())
        try:
            agent.serve()
        except BadKey:
            raise CommandError("the server refused the key") from None
