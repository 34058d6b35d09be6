"""The status strip: `config.health` in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from config.board.queries.rows import read
from config.board.words.sweeps import NAMES
from config.health import Check, checks
from heartbeats.board.view_models import HealthFact, StatusStrip, Tone
from heartbeats.board.wording import span_words
from recovery.vocabulary import SweepName

SWEEP = "sweep:"
QUEUE_WAITS_LONG = timedelta(seconds=60)
BEAT_IS_LATE = timedelta(seconds=60)

_PULSE = """
select (select count(*) from heartbeats_host where last_seen_at > %(fresh)s) as hosts,
       (select max(last_seen_at) from heartbeats_host) as host_at,
       (select max(last_started_at) from recovery_sweepstate) as beat_at,
       count(*) as queued, min(created_at) as oldest
from heartbeats_heartbeatrun where company_id = %(company)s and status = 'queued'
"""


def status_strip(company_id: UUID, *, now: datetime) -> StatusStrip:
    """Healthy or not and why. The statements of `config.health.checks` and one more."""
    found = checks()
    fresh = now - timedelta(seconds=2 * settings.TIMINGS.lease)
    pulse = read(_PULSE, {"company": company_id, "fresh": fresh})[0]
    return strip_of(found, pulse, now=now)


def strip_of(found: Sequence[Check], pulse: Mapping[str, Any], *, now: datetime) -> StatusStrip:
    """The strip from the checks and the pulse. Pure."""
    by_name = {check.name: check for check in found}
    late = [check for check in found if check.name.startswith(SWEEP) and not check.ok]
    total = sum(check.name.startswith(SWEEP) for check in found)
    facts = (
        _plain("database", "Database", by_name, "answers"),
        _plain("broker", "Broker", by_name, "answers"),
        _beat(pulse["beat_at"], now),
        _sweeps(late, total),
        _hosts(by_name.get("hosts"), pulse),
        _queue(pulse, now),
    )
    tone, verdict, why = _verdict(found, late)
    return StatusStrip(tone, verdict, why, facts)


def _verdict(found: Sequence[Check], late: Sequence[Check]) -> tuple[Tone, str, str]:
    broken = [check for check in found if not check.ok]
    if not broken:
        return "ok", "Healthy", ""
    first = broken[0]
    if first in late:
        names = ", ".join(_name(check) for check in late[:3])
        more = f" and {len(late) - 3} more" if len(late) > 3 else ""
        heading = "One sweep is late" if len(late) == 1 else f"{len(late)} sweeps are late"
        return "warn", heading, f"{names}{more}: {first.problem}."
    headings = {"database": "The database is away", "broker": "The broker is away", "hosts": "No host executes runs"}
    tone: Tone = "warn" if first.name == "hosts" else "bad"
    return tone, headings.get(first.name, "Something is wrong"), f"{_sentence(first.problem)}."


def _name(check: Check) -> str:
    return NAMES[SweepName(check.name.removeprefix(SWEEP))]


def _sentence(text: str | None) -> str:
    return f"{text[0].upper()}{text[1:]}" if text else ""


def _plain(key: str, label: str, by_name: Mapping[str, Check], well: str) -> HealthFact:
    check = by_name.get(key)
    if check is None or check.ok:
        return HealthFact(key, label, well)
    return HealthFact(key, label, "away", "bad", hint=check.problem or "")


def _beat(beat_at: datetime | None, now: datetime) -> HealthFact:
    if beat_at is None or now - beat_at > BEAT_IS_LATE:
        return HealthFact("beat", "Beat", "" if beat_at else "never", "warn", beat_at, "Are beat and a worker running?")
    return HealthFact("beat", "Beat", "", at=beat_at)


def _sweeps(late: Sequence[Check], total: int) -> HealthFact:
    if not late:
        return HealthFact("sweeps", "Sweeps", "on time")
    hint = "; ".join(f"{_name(check)} {check.problem}" for check in late)
    return HealthFact("sweeps", "Sweeps", f"{total - len(late)} of {total} on time", "warn", hint=hint)


def _hosts(check: Check | None, pulse: Mapping[str, Any]) -> HealthFact:
    count = pulse["hosts"]
    if check is None or check.ok:
        return HealthFact("hosts", "Hosts", f"{count}, seen", at=pulse["host_at"])
    return HealthFact("hosts", "Hosts", "none reports", "warn", pulse["host_at"], check.problem or "")


def _queue(pulse: Mapping[str, Any], now: datetime) -> HealthFact:
    queued, oldest = pulse["queued"], pulse["oldest"]
    if not queued:
        return HealthFact("queue", "Queue", "empty")
    age = now - oldest
    tone: Tone = "warn" if age > QUEUE_WAITS_LONG else "ok"
    return HealthFact("queue", "Queue", f"{queued}, oldest {span_words(age.total_seconds())}", tone)
