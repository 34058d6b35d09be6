"""Every word of a remote agent about its run renews the run's lease (DESIGN 5)."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import connection

from heartbeats.intake.pacing import remote_lease_seconds

_RENEW = """
update heartbeats_heartbeatrun
set lease_expires_at = greatest(lease_expires_at, clock_timestamp() + make_interval(secs => %s))
where id = %s and epoch = %s and status = 'running' and adapter_type = 'remote'
"""


def renew(run_id: UUID, *, epoch: int) -> bool:
    """Renew on the database's clock; a lease never gets shorter. False when the execution is over."""
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, [remote_lease_seconds(settings.TIMINGS), run_id, epoch])
        return bool(cursor.rowcount == 1)
