"""HOW WORK RUNS: wakeups, runs, execution, live status."""

from __future__ import annotations

from django.apps import AppConfig


class HeartbeatsConfig(AppConfig):
    """Listens to what `issues` and `agents` announce."""

    name = "heartbeats"

    def ready(self) -> None:
        """Connect the listeners, and say how a run that a caller names is found."""
        from agents.api.run_header import register_run_lookup
        from agents.overview import register_section
        from heartbeats import overview
        from heartbeats.api.run_lookup import run_facts
        from heartbeats.runs import stops
        from heartbeats.wakeups import approval_wakes, triggers

        register_run_lookup(run_facts)
        stops.connect()
        triggers.connect()
        approval_wakes.connect()
        register_section("runActivity", overview.run_activity)
