"""A run that ends those who execute it is not given to them for ever (spec/3 K.16, spec/6 fault 28)."""

from __future__ import annotations

from django.db.models.functions import Now

from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import ErrorFamily

# Executions that died together with their supervisor, counted over a run and the runs that repeat it.
MOST_KILLS = 3


def count_kill(run: HeartbeatRun) -> bool:
    """Note that this execution died while nobody watched it; True when it is the last one that may. Two statements at
    most.

    The caller holds the run's lock. A parked run carries the family of failures that no retry mends, so that its
    release escalates instead of starting again.
    """
    run.supervisor_losses += 1
    parked = run.supervisor_losses >= MOST_KILLS
    if parked:
        family = {"errorFamily": ErrorFamily.CONFIG.value, "parkedAfterKills": run.supervisor_losses}
        run.result = {**(run.result or {}), **family}
    HeartbeatRun.objects.filter(pk=run.pk).update(
        supervisor_losses=run.supervisor_losses, result=run.result, updated_at=Now()
    )
    return parked
