from __future__ import annotations

from tests.heartbeats.supervisor.conftest import machine, work

__all__ = ["machine", "work"]
