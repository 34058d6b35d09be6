"""The adapters that this host can start, by type."""

from __future__ import annotations

from agents.vocabulary import AdapterType
from heartbeats.execution.adapters.base import Adapter, SetupError
from heartbeats.execution.adapters.http import HttpAdapter
from heartbeats.execution.adapters.process import ProcessAdapter

_ADAPTERS: dict[str, Adapter] = {AdapterType.PROCESS: ProcessAdapter(), AdapterType.HTTP: HttpAdapter()}


def adapter_for(adapter_type: str) -> Adapter:
    """The adapter of this type. Raises SetupError for one that no host can start."""
    adapter = _ADAPTERS.get(adapter_type)
    if adapter is None:
        raise SetupError("adapter_unknown", f"Agents of adapter type {adapter_type!r} cannot be started by a host.")
    return adapter
