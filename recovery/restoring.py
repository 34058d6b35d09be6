"""What must happen to a database that was restored from a backup before anybody works on it (spec/6 row 45).

The restored rows know nothing of the time after the backup, but its processes may still live. A run that is queued here
may have been claimed there under the next epoch: the same claim would happen twice, and both would believe that they
hold it. So every run that is not over gets an epoch that no lost time can have reached. Whoever holds an older one is
stale: hosts stop its process at their next renewal, remote agents are told to stop, late reports change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from agents.models import LiveEvent, LiveFeed
from heartbeats.models import HeartbeatRun
from heartbeats.runs.lifecycle import Note, add_notes
from heartbeats.vocabulary import RunStatus

EPOCH_STEP = 1_000
"""More claims than one run can have had in the lost time."""
FEED_STEP = 1_000_000
"""More live events than a company can have had in the lost time."""
MESSAGE = "The database was restored from a backup: who held this run before holds it no more"


@dataclass(frozen=True)
class Restored:
    """How many live runs got a new epoch, how many of them are said to be running, and the feeds that start anew."""

    runs: int
    running: int
    feeds: int


def take_over_restored(*, lease: timedelta, now: datetime) -> Restored:
    """Raise the epoch of every live run, and the numbers of every live feed. One transaction; repeating does no harm.

    A run that is `running` here belongs to no host any more. It keeps its place for one `lease`, in which its host
    stops what is left of it; then the reaper judges it lost and retries it. Nothing may claim meanwhile what is queued:
    the caller starts workers after that time. Locks runs in id order. Screens that know later numbers refetch.
    """
    with transaction.atomic():
        live = list(HeartbeatRun.objects.live().select_for_update(no_key=True).order_by("pk").only(*_COLUMNS))
        rows = HeartbeatRun.objects.filter(pk__in=[run.pk for run in live])
        rows.update(epoch=F("epoch") + EPOCH_STEP, updated_at=Now())
        running = [run for run in live if run.status == RunStatus.RUNNING]
        HeartbeatRun.objects.filter(pk__in=[run.pk for run in running]).update(
            executor_host=None, executor_boot_id=None, lease_expires_at=now + lease
        )
        for run in running:
            add_notes(run, Note(MESSAGE, level="warn", payload={"evidence": "restored_from_backup"}))
        LiveEvent.objects.filter(seq__isnull=False).delete()
        feeds = LiveFeed.objects.update(last_seq=F("last_seq") + FEED_STEP, pushed_seq=F("last_seq") + FEED_STEP)
    return Restored(len(live), len(running), feeds)


_COLUMNS = ("pk", "company_id", "agent_id", "status", "epoch", "event_seq")
