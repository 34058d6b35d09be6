"""HOW WORK RUNS: wakeups, runs, execution, live status."""

from __future__ import annotations

from django.apps import AppConfig


class HeartbeatsConfig(AppConfig):
    """Listens to what `issues` and `agents` announce."""

    name = "heartbeats"
