"""The recovery page: sweeps, and what they could not put right."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from config.board.callers import Caller
from config.board.queries.needs import needs_rows
from config.board.queries.rows import agent_of, issue_of, read
from config.board.queries.running import running_rows
from config.board.words.parked import retry_need, silent_need
from config.board.words.reasons import first_line, plain
from config.board.words.sweeps import NAMES, PURPOSES
from heartbeats.board.recovery_page import OutcomeCount, RecoveryPage, SweepRow
from heartbeats.board.view_models import SUSPICIOUS_AFTER_SECONDS, Action, NeedsRow, Tone
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from recovery.schedule import late_after, periods
from recovery.vocabulary import SweepName

_STRANDED = ("stranded", "escalated", "recovery_without_owner")
# What has a part of the page of its own, or belongs to none.
_ELSEWHERE = (*_STRANDED, "silent", "poison", "mass_loss", "error_group")
_MOST = 100

_SWEEPS = """
select names.sweep, state.enabled, state.last_started_at, state.last_succeeded_at, state.last_error, state.last_seconds,
       run.started_at, run.looked_at, run.acted, run.failed, run.counts::json as counts
from unnest(%(names)s::text[]) with ordinality as names (sweep, place)
left join recovery_sweepstate state on state.sweep = names.sweep
left join lateral (select * from recovery_sweeprun r where r.sweep = names.sweep and not r.dry_run
                   order by r.started_at desc limit 1) run on true
order by names.place
"""


def recovery_view(caller: Caller) -> RecoveryPage:
    """Everything of the page. Five statements."""
    rows = read(_SWEEPS, {"names": [str(name) for name in SweepName]})
    needs = needs_rows(caller.company.id, now=caller.now, may_act=caller.may_act)
    incidents = [row for row in needs if row.kind == "mass_loss"]
    return RecoveryPage(
        sweeps=tuple(_sweep(row, caller) for row in rows),
        stranded=tuple(row for row in needs if row.kind in _STRANDED),
        asked=tuple(row for row in needs if row.kind not in _ELSEWHERE),
        parked=(*(row for row in needs if row.kind == "poison"), *_retries(caller)),
        silent=_silent(caller),
        incident_action=_confirming(incidents[0].id) if incidents and caller.user.is_superuser else None,
        incident=f"{incidents[0].what}. {incidents[0].why[0]}" if incidents else "",
    )


def _retries(caller: Caller) -> tuple[NeedsRow, ...]:
    """Soonest first."""
    parked = HeartbeatRun.objects.filter(company_id=caller.company.id, status=RunStatus.SCHEDULED_RETRY)
    runs = parked.select_related("agent", "issue").order_by("scheduled_retry_at")[:_MOST]
    return tuple(retry_need(run, agent_of(run), issue_of(run), now=caller.now, may_act=caller.may_act) for run in runs)


def _silent(caller: Caller) -> tuple[NeedsRow, ...]:
    """Longest silence first."""
    running = running_rows(Q(company_id=caller.company.id), now=caller.now, limit=_MOST)
    rows = sorted((row for row, _ in running), key=lambda row: row.silent_since)
    since = caller.now - timedelta(seconds=SUSPICIOUS_AFTER_SECONDS)
    return tuple(silent_need(row, now=caller.now, may_act=caller.may_act) for row in rows if row.silent_since <= since)


def _sweep(row: Mapping[str, Any], caller: Caller) -> SweepRow:
    name = SweepName(row["sweep"])
    off = row["enabled"] is False
    return SweepRow(
        key=str(name),
        name=NAMES[name],
        purpose=PURPOSES[name],
        period_seconds=periods(settings.TIMINGS)[name],
        last_at=row["last_started_at"],
        duration_seconds=row["last_seconds"],
        looked_at=row["looked_at"] or 0,
        outcomes=_outcomes(row),
        error=first_line(row["last_error"]),
        late=_late(name, row["last_succeeded_at"], caller.now) and not off,
        off=off,
        acted_at=row["started_at"],
        actions=_actions(name, off=off) if caller.user.is_superuser else (),
    )


def _confirming(incident_id: str) -> Action:
    sure = "Confirm that these runs are lost? They are then ended and retried, a few at a time."
    return Action("They are lost", reverse("confirm_incident", args=[incident_id]), look="danger", confirm=sure)


def _late(name: SweepName, succeeded_at: datetime | None, now: datetime) -> bool:
    return succeeded_at is None or now - succeeded_at > late_after(name, settings.TIMINGS)


def _outcomes(row: Mapping[str, Any]) -> tuple[OutcomeCount, ...]:
    counts = {key: count for key, count in (row["counts"] or {}).items() if count}
    failed: Tone = "bad"
    told = [OutcomeCount(plain(key), count) for key, count in sorted(counts.items())]
    return (*told, OutcomeCount("failed", row["failed"], failed)) if row["failed"] else tuple(told)


def _actions(name: SweepName, *, off: bool) -> tuple[Action, ...]:
    run, dry, switch = (
        reverse("act_on_sweep", args=[name, verb]) for verb in ("run", "dry-run", "on" if off else "off")
    )
    sure = "Switch this sweep off on every host? What it looks after is then nobody's until it is switched on again."
    toggle = Action("Switch on", switch, look="primary") if off else Action("Switch off", switch, confirm=sure)
    return Action("Run now", run), Action("Dry run", dry), toggle
