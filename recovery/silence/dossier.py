"""What a reviewer of a silent run is shown: gathered here, bounded and redacted by `recovery.silence.texts`."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings

from heartbeats.execution import logs, rundir
from heartbeats.models import HeartbeatRun, RunEvent
from issues.models import Issue, IssueRelation
from recovery.silence.texts import EVENT_LIMIT, LOG_TAIL_BYTES, RELATED_LIMIT, EventLine, SilentRun


def dossier_of(run: HeartbeatRun) -> SilentRun:
    """The run (read with agent, company and issue) with its last output and events. Four statements."""
    tail, whole = _log_tail(run)
    return SilentRun(
        run_id=run.pk,
        agent_id=run.agent_id,
        agent_name=run.agent.name,
        prefix=run.company.issue_prefix,
        invocation=run.invocation_source,
        source_identifier=run.issue.identifier if run.issue else None,
        started_at=run.started_at,
        last_output_at=run.last_output_at,
        process=_process(run),
        log_tail=tail,
        log_bytes=whole,
        events=_events(run),
        children=_children(run.issue),
        blockers=_blockers(run.issue),
    )


def _process(run: HeartbeatRun) -> list[tuple[str, object]]:
    facts = {
        "Host": run.executor_host,
        "Process": run.process_pid,
        "Process group": run.process_group_id,
        "Lease until": run.lease_expires_at.isoformat(timespec="seconds") if run.lease_expires_at else None,
    }
    return [(name, value) for name, value in facts.items() if value is not None]


def _log_tail(run: HeartbeatRun) -> tuple[bytes, int]:
    """The last output, if its log is on this host, and a size that is greater exactly when something precedes it."""
    try:
        directory = rundir.locate(settings.RUNS_DIR, run.log_ref) if run.log_ref else None
        page = logs.tail(directory.log_path, 2 * LOG_TAIL_BYTES) if directory else None
    except (OSError, ValueError):
        page = None
    if page is None:
        return (run.stdout_excerpt or "").encode(), run.last_output_bytes or 0
    tail = "".join(_chunk(line) for line in page.content.splitlines()).encode()
    return tail, len(tail) + page.start_offset


def _chunk(line: str) -> str:
    try:
        record: Any = json.loads(line)
    except ValueError:
        return f"{line}\n"
    chunk = record.get("chunk") if isinstance(record, dict) else None
    return chunk if isinstance(chunk, str) else ""


def _events(run: HeartbeatRun) -> list[EventLine]:
    rows = RunEvent.objects.filter(run=run.pk).order_by("-seq").values_list("seq", "event_type", "message")
    return [EventLine(seq, kind, message or "") for seq, kind, message in reversed(rows[:EVENT_LIMIT])]


def _children(issue: Issue | None) -> list[str]:
    if issue is None:
        return []
    rows = Issue.objects.filter(parent=issue).order_by("number").values_list("identifier", flat=True)
    return list(rows[:RELATED_LIMIT])


def _blockers(issue: Issue | None) -> list[str]:
    if issue is None:
        return []
    edges = IssueRelation.objects.filter(blocked=issue).exclude(blocker__status="done").order_by("blocker__number")
    return list(edges.values_list("blocker__identifier", flat=True)[:RELATED_LIMIT])
