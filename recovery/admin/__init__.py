"""The admin of recovery."""

from __future__ import annotations

from recovery.admin import escalations, incidents, sweeps, watchdog

__all__ = ["escalations", "incidents", "sweeps", "watchdog"]
