"""A soak: one installation under steady work, a random fault every twenty seconds, the audit every minute."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

import psycopg
import redis

from config.trial.client import Refused
from tests.chaos.fault import Outcome, Report
from tests.chaos.site import Site, open_site
from tests.waiting import wait_for

FAULT_EVERY = 20.0
AUDIT_EVERY = 60.0
WORK_EVERY = 1.0
AGENTS = 6
QUIET_SECONDS = 120.0
ROW = 0


def soak(seconds: float, seed: int) -> Iterator[Report]:
    """A report per minute, and one for the end: every run that was accepted is over. The seed repeats the faults."""
    print(f"soak of {seconds:.0f} s, seed {seed}", flush=True)
    dice = random.Random(seed)
    with open_site({}) as site:
        agents = [site.agent("sh", "-c", "sleep 0.$(($$ % 9))") for _number in range(AGENTS)]
        accepted: set[str] = set()
        done: Counter[str] = Counter()
        until = time.monotonic() + seconds
        fault_at, audit_at = time.monotonic() + FAULT_EVERY, time.monotonic() + AUDIT_EVERY
        while (now := time.monotonic()) < until:
            _ask(site, dice.choice(agents), accepted, done)
            if now >= fault_at:
                name = dice.choice(sorted(FAULTS))
                FAULTS[name](site)
                done[name] += 1
                fault_at = now + FAULT_EVERY
            if now >= audit_at:
                yield _report(site, accepted, done, seed)
                audit_at = now + AUDIT_EVERY
            time.sleep(WORK_EVERY)
        wait_for(lambda: _calm(site, accepted), QUIET_SECONDS, what="the end of every accepted run")
        yield _report(site, accepted, done, seed)


def _ask(site: Site, agent: str, accepted: set[str], done: Counter[str]) -> None:
    try:
        accepted.add(site.wake(agent))
    except (Refused, OSError) as problem:
        code = problem.code if isinstance(problem, Refused) else type(problem).__name__
        done[f"refused {code}"] += 1


def _calm(site: Site, accepted: set[str]) -> bool:
    rows = site.rows("select id::text from heartbeats_heartbeatrun where finished_at is not null")
    return accepted <= {row[0] for row in rows}


def _report(site: Site, accepted: set[str], done: Counter[str], seed: int) -> Report:
    found = wait_for(lambda: _audited(site), QUIET_SECONDS, what="a database that answers")
    told = ", ".join(f"{count} x {name}" for name, count in sorted(done.items()))
    outcome = Outcome.PASSED if found == "clean" else Outcome.FAILED
    seen = f"{len(accepted)} runs accepted; {told}"
    return Report(ROW, f"soak, seed {seed}", "audit clean, every accepted run ends", outcome, seen, audit=found)


def _audited(site: Site) -> str:
    try:
        site.rows("select 1")
    except psycopg.Error:
        return ""
    return site.audit()


def _redis_away(site: Site) -> None:
    site.services.valkey.kill()
    time.sleep(5)
    site.services.valkey.start()


def _postgres_restart(site: Site) -> None:
    site.services.postgres.stop_immediate()
    site.services.postgres.start()


def _postgres_frozen(site: Site) -> None:
    site.services.postgres.pause()
    time.sleep(5)
    site.services.postgres.resume()


def _redis_emptied(site: Site) -> None:
    redis.Redis.from_url(site.services.redis_url).flushall()


FAULTS: dict[str, Callable[[Site], object]] = {
    "worker killed": lambda site: site.kill("celery -A config worker"),
    "beat killed": lambda site: site.kill("celery -A config beat"),
    "supervisor killed": lambda site: site.kill("manage supervise"),
    "API killed": lambda site: site.kill("granian"),
    "live server killed": lambda site: site.kill("uvicorn"),
    "Redis away": _redis_away,
    "Redis emptied": _redis_emptied,
    "PostgreSQL restarted": _postgres_restart,
    "PostgreSQL frozen": _postgres_frozen,
}
