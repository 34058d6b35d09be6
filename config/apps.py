"""The wiring, as an app: for its management commands, system checks and error pages."""

from __future__ import annotations

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Has no models."""

    name = "config"
