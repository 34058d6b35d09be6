"""Links that recovery writes into comments and descriptions."""

from __future__ import annotations

from uuid import UUID


def company_prefix(identifier: str) -> str:
    """The company's part of an issue identifier: `ABC` of `ABC-12`."""
    return identifier.rpartition("-")[0] or identifier


def issue_link(identifier: str) -> str:
    """A link to an issue: `[ABC-12](/ABC/issues/ABC-12)`."""
    return f"[{identifier}](/{company_prefix(identifier)}/issues/{identifier})"


def run_link(run_id: UUID | str, *, agent_id: UUID | str, prefix: str) -> str:
    """A link to a run of an agent, the run's id in monospace."""
    return f"[`{run_id}`](/{prefix}/agents/{agent_id}/runs/{run_id})"
