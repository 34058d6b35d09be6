"""Loading a run with authorisation."""

from __future__ import annotations

from agents.access import require_company, require_company_write
from agents.actors import Actor
from config.common.wire.errors import NotFound
from config.common.wire.views import path_uuid
from heartbeats.models import HeartbeatRun


def run_for(actor: Actor, ref: str, *, write: bool = False) -> HeartbeatRun:
    """The run if the caller may read (or change) in its company; 404 for what names none, 403 for a stranger's."""
    run = HeartbeatRun.objects.select_related("agent").filter(id=path_uuid(ref, "Heartbeat run")).first()
    if run is None:
        raise NotFound.of("Heartbeat run")
    (require_company_write if write else require_company)(actor, run.company_id)
    return run
