"""The tables of how work runs."""

from __future__ import annotations

from heartbeats.models.environment import EnvironmentLease, ExecutionWorkspace, Host, WorkspaceOperation
from heartbeats.models.intent import Intent
from heartbeats.models.run import HeartbeatRun, LateReport, RunEvent
from heartbeats.models.session import RuntimeState, TaskSession
from heartbeats.models.wakeup import WakeupRequest

__all__ = [
    "EnvironmentLease",
    "ExecutionWorkspace",
    "HeartbeatRun",
    "Host",
    "Intent",
    "LateReport",
    "RunEvent",
    "RuntimeState",
    "TaskSession",
    "WakeupRequest",
    "WorkspaceOperation",
]
