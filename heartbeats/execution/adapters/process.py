"""`process`: any command. Its exit code decides; a result in a file or on its last line says more (spec/4 12)."""

from __future__ import annotations

import json

from heartbeats.execution.adapters.base import Ended, Invocation, Plan, Report, command_of, time_limits
from heartbeats.execution.adapters.results import read_result, report_of


class ProcessAdapter:
    """`command`, `args`, `cwd`, `env`, `timeoutSec` (0: none), `graceSec` (15)."""

    def plan(self, invocation: Invocation) -> Plan:
        """The command as configured. What it may resume, and what it should know of a session left behind, it finds in
        its environment.
        """
        session = invocation.session
        told = {
            "EVERBEAT_SESSION_ID": session.session_id or session.display_id,
            "EVERBEAT_SESSION_PARAMS_JSON": json.dumps(session.params, default=str) if session.params else None,
            "EVERBEAT_SESSION_HANDOFF": invocation.handoff,
        }
        env = {name: value for name, value in told.items() if value}
        return Plan(argv=command_of(invocation.config), env=env, **time_limits(invocation.config))

    def report(self, ended: Ended) -> Report:
        """The result that the command left, if any."""
        result = read_result(ended.run_dir, ended.excerpts.stdout_tail)
        return report_of(result) if result else Report()
