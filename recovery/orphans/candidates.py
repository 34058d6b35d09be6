"""Which running runs the reaper looks at: those that nobody seems to hold any more. One statement, index-served."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

MOST = 5_000
# A watched run is renewed every quarter of a lease; one that was not for this many renewals is not watched.
MISSED_RENEWALS = 1.5

_CANDIDATES = """
select r.id, r.epoch, r.company_id, r.agent_id, r.adapter_type, r.executor_host, r.executor_boot_id,
       r.lease_expires_at, r.process_pid, r.process_group_id, r.process_start_ticks, r.error_code,
       r.process_loss_retry_count, r.supervisor_losses
from heartbeats_heartbeatrun r
where r.status = 'running'
  and (r.lease_expires_at <= %(now)s
       or (r.executor_host = %(host)s and r.adapter_type <> 'remote'
           and (r.executor_boot_id <> %(boot)s or r.lease_expires_at <= %(unwatched)s)))
order by r.lease_expires_at, r.id limit %(most)s
"""
_LIVE_LEASES = "select count(*) from heartbeats_heartbeatrun where status = 'running'"
_EXTEND = """
update heartbeats_heartbeatrun set lease_expires_at = %(until)s
where status = 'running' and lease_expires_at < %(until)s
"""


@dataclass(frozen=True)
class OrphanCandidate:
    """A running run whose lease ran out, or which this host executes and nobody renews."""

    run_id: UUID
    epoch: int
    company_id: UUID
    agent_id: UUID
    adapter_type: str
    executor_host: str | None
    executor_boot_id: str | None
    lease_expires_at: datetime | None
    process_pid: int | None
    process_group_id: int | None
    process_start_ticks: int | None
    error_code: str | None
    process_loss_retries: int
    supervisor_losses: int


def find_candidates(
    *, now: datetime, host: str, boot_id: str, lease: float, renew_every: float
) -> list[OrphanCandidate]:
    """Longest expired first, at most 5,000. Runs that are watched cost nothing."""
    unwatched = now + timedelta(seconds=lease - MISSED_RENEWALS * renew_every)
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, {"now": now, "host": host, "boot": boot_id, "unwatched": unwatched, "most": MOST})
        return [OrphanCandidate(*row) for row in cursor.fetchall()]


def count_live_leases() -> int:
    """How many runs are running, anywhere."""
    with connection.cursor() as cursor:
        cursor.execute(_LIVE_LEASES)
        count: int = cursor.fetchone()[0]
        return count


def extend_every_lease(until: datetime) -> int:
    """Grant every running run a lease until then at least; how many needed it."""
    with connection.cursor() as cursor:
        cursor.execute(_EXTEND, {"until": until})
        extended: int = cursor.rowcount
        return extended
