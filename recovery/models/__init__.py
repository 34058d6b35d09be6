"""The tables of recovery."""

from __future__ import annotations

from recovery.models.sweep import MassLossIncident, PoisonRow, RecoverySettings, SweepRun, SweepState
from recovery.models.watchdog import WatchdogDecision

__all__ = [
    "MassLossIncident",
    "PoisonRow",
    "RecoverySettings",
    "SweepRun",
    "SweepState",
    "WatchdogDecision",
]
