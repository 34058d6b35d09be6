"""The admin of how work runs."""

from __future__ import annotations

from heartbeats.admin import environment, runs, sessions, wakeups

__all__ = ["environment", "runs", "sessions", "wakeups"]
