"""The admin of recovery."""

from __future__ import annotations

from recovery.admin import incidents, sweeps, watchdog

__all__ = ["incidents", "sweeps", "watchdog"]
