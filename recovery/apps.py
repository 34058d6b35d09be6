"""WHAT IF IT STOPS: the sweeps that find work nothing moves forward, and say so."""

from __future__ import annotations

from django.apps import AppConfig


class RecoveryConfig(AppConfig):
    """The highest app of the house: everything below is its material."""

    name = "recovery"

    def ready(self) -> None:
        """Answer what runs and wakeups ask (heartbeats.hooks)."""
        from heartbeats import hooks
        from recovery.escalation.escalating import escalate_after_release
        from recovery.retries.scheduling import retry_if_transient
        from recovery.sweeps.backstop import Backstop

        hooks.register_escalation(escalate_after_release)
        hooks.register_bounded_retry(retry_if_transient)
        hooks.register_backstop(Backstop())
