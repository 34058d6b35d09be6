"""The admin of how work runs."""

from __future__ import annotations

from heartbeats.admin import environment, intents, runs, sessions, wakeups

__all__ = ["environment", "intents", "runs", "sessions", "wakeups"]
