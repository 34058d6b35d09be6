"""`process`: any command. Its exit code decides; a result in a file or on its last line says more (spec/4 12)."""

from __future__ import annotations

from heartbeats.execution.adapters.base import Ended, Invocation, Plan, Report, command_of, time_limits
from heartbeats.execution.adapters.results import read_result, report_of


class ProcessAdapter:
    """`command`, `args`, `cwd`, `env`, `timeoutSec` (0: none), `graceSec` (15)."""

    def plan(self, invocation: Invocation) -> Plan:
        """The command as configured."""
        return Plan(argv=command_of(invocation.config), **time_limits(invocation.config))

    def report(self, ended: Ended) -> Report:
        """The result that the command left, if any."""
        result = read_result(ended.run_dir, ended.excerpts.stdout_tail)
        return report_of(result) if result else Report()
