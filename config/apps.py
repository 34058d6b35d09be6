"""The wiring, as an app: for its management commands, system checks and error pages."""

from __future__ import annotations

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Has no models."""

    name = "config"

    def ready(self) -> None:
        """Make our Celery application the current one: else messages would go to the default broker."""
        from config import celery, checks  # noqa: F401
