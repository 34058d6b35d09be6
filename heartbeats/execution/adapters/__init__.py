"""The adapters that this host can start, by type."""

from __future__ import annotations

from dataclasses import dataclass

from agents.vocabulary import AdapterType
from heartbeats.execution.adapters.base import SETUP_ERROR, Adapter, Ended, Invocation, Plan, Report, SetupError
from heartbeats.execution.adapters.claude import CLAUDE
from heartbeats.execution.adapters.codex import CODEX
from heartbeats.execution.adapters.cursor import CURSOR
from heartbeats.execution.adapters.gemini import GEMINI
from heartbeats.execution.adapters.hermes import HERMES
from heartbeats.execution.adapters.http import HttpAdapter
from heartbeats.execution.adapters.local_cli import LocalCliAdapter
from heartbeats.execution.adapters.opencode import OPENCODE
from heartbeats.execution.adapters.pi import PI
from heartbeats.execution.adapters.process import ProcessAdapter
from heartbeats.execution.adapters.started import PLACE_NAME, read_object
from heartbeats.readings import object_of
from heartbeats.runs.bounds import bound_string

_ADAPTERS: dict[str, Adapter] = {
    AdapterType.PROCESS: ProcessAdapter(),
    AdapterType.HTTP: HttpAdapter(),
    AdapterType.CLAUDE_LOCAL: CLAUDE,
    AdapterType.CODEX_LOCAL: CODEX,
    AdapterType.GEMINI_LOCAL: GEMINI,
    AdapterType.CURSOR: CURSOR,
    AdapterType.OPENCODE_LOCAL: OPENCODE,
    AdapterType.PI_LOCAL: PI,
    AdapterType.HERMES_LOCAL: HERMES,
}


@dataclass(frozen=True, slots=True)
class _WithFolder:
    """An adapter whose command may never have begun: then the missing folder is what there is to report."""

    adapter: Adapter

    def plan(self, invocation: Invocation) -> Plan:
        """The adapter's own."""
        return self.adapter.plan(invocation)

    def report(self, ended: Ended) -> Report:
        """The adapter's own, unless there was no folder to run the command in."""
        failure = object_of(read_object(ended.run_dir / PLACE_NAME).get("failure"))
        if not failure:
            return self.adapter.report(ended)
        message = f"There is no folder to work in: {failure.get('message')}."
        return Report(result={SETUP_ERROR: str(failure.get("code"))}, error_message=bound_string(message))


def adapter_for(adapter_type: str) -> Adapter:
    """The adapter of this type. Raises SetupError for one that no host can start."""
    adapter = _ADAPTERS.get(adapter_type)
    if adapter is None:
        raise SetupError("adapter_unknown", f"Agents of adapter type {adapter_type!r} cannot be started by a host.")
    return _WithFolder(adapter)


def binds_sessions_to_folders(adapter_type: str) -> bool:
    """Whether this type's tool finds a session only in the folder in which the session was begun."""
    return isinstance(_ADAPTERS.get(adapter_type), LocalCliAdapter)
