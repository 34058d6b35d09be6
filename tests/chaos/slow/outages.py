"""Faults of servers and of the whole installation (spec/6 rows 1, 14, 15, 16, 18, 19, 40)."""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial
from pathlib import Path

import redis

from config.trial.client import Client
from tests.chaos.fault import Seen
from tests.chaos.site import LEASE, Site
from tests.chaos.slow.load import Load
from tests.waiting import wait_for

REDIS_AWAY = 10.0
FROZEN = LEASE + 6.0
AWAY = LEASE + 4.0


def every_executor_killed(site: Site) -> Seen:
    """Worker and supervisor are killed three times in the middle of a run."""
    stop = site.state / "stop"
    run_id = site.wake(site.agent("sh", "-c", f"while [ ! -e {stop} ]; do sleep 0.1; done; exit 7"))
    before = site.running(run_id)
    began = time.monotonic()
    for _time in range(3):
        assert site.kill("celery -A config worker") == 1
        assert site.kill("manage supervise") == 1
        ((killed_at,),) = site.rows("select clock_timestamp()")
        wait_for(partial(_back, site, killed_at), 60, what="the next worker and supervisor")
    took = time.monotonic() - began
    now = site.run(run_id)
    assert (now["status"], now["processPid"]) == ("running", before["processPid"]), now
    stop.touch()
    ended = site.finished(run_id)
    assert (ended["status"], ended["exitCode"]) == ("failed", 7), ended
    return Seen("same child over three kills of worker and supervisor, true exit code 7", took)


def redis_is_killed(site: Site) -> Seen:
    """Redis is gone for ten seconds; work is asked for all the while."""
    agent = site.agent("true", maxConcurrentRuns=2)
    agents = [agent, *(site.agent("true") for _number in range(9))]
    site.services.valkey.kill()
    asked, slowest, until = [], 0.0, time.monotonic() + REDIS_AWAY
    while time.monotonic() < until:
        for one in agents:
            began = time.monotonic()
            asked.append(site.wake(one))
            slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.5)
    site.services.valkey.start()
    began = time.monotonic()
    found = {site.finished(run_id, 60)["status"] for run_id in set(asked)}
    took = time.monotonic() - began
    assert found == {"succeeded"}, found
    return Seen(f"{len(asked)} wakeups accepted without Redis, slowest {slowest:.2f} s; all runs succeeded", took)


def redis_is_full(site: Site) -> Seen:
    """Redis takes no more writes for a while."""
    agents = [site.agent("true") for _number in range(5)]
    link = redis.Redis.from_url(site.services.redis_url)
    link.config_set("maxmemory-policy", "noeviction")
    link.config_set("maxmemory", 1)
    asked = [site.wake(agent) for agent in agents]
    link.config_set("maxmemory", 0)
    began = time.monotonic()
    found = {site.finished(run_id, 60)["status"] for run_id in asked}
    assert found == {"succeeded"}, found
    return Seen("5 wakeups committed while Redis refused; delivered by the sweep", time.monotonic() - began)


def postgres_restarts_at_once(site: Site) -> Seen:
    """An immediate stop and start while four clients ask for work."""
    stop = site.state / "stop"
    long_run = site.wake(site.agent("sh", "-c", f"while [ ! -e {stop} ]; do sleep 0.1; done"))
    site.running(long_run)
    agents = [site.agent("true") for _number in range(4)]
    load = Load(site, agents)
    load.start()
    wait_for(lambda: len(load.accepted) > 8, 30, what="load")
    site.services.postgres.stop_immediate()
    site.services.postgres.start()
    began, seen = time.monotonic(), len(load.accepted)
    wait_for(lambda: len(load.accepted) > seen, 20, what="a first success")
    took = time.monotonic() - began
    time.sleep(2)
    load.stop()
    known = {str(row[0]) for row in site.rows("select id from heartbeats_heartbeatrun")}
    assert set(load.accepted) <= known, "accepted and lost"
    assert set(load.refused) <= {503}, load.refused
    for run_id in set(load.accepted):
        assert site.finished(run_id)["status"] == "succeeded"
    assert site.run(long_run)["status"] == "running"
    stop.touch()
    assert site.finished(long_run)["status"] == "succeeded"
    told = ", ".join(f"{count} x {code}" for code, count in load.refused.items()) or "none"
    return Seen(f"{len(load.accepted)} accepted, none lost; refused: {told}; the long run lived on", took)


def postgres_is_frozen(site: Site) -> Seen:
    """PostgreSQL stands still for longer than every lease."""
    stop, other = site.state / "stop", site.state / "other"
    run_id = site.wake(site.agent("sh", "-c", f"while [ ! -e {stop} ]; do sleep 0.1; done"))
    site.running(run_id)
    site.rows(
        """update heartbeats_heartbeatrun set executor_host = 'far', executor_boot_id = 'b' where id = %s
           returning id""",
        site.wake(site.agent("sh", "-c", f"while [ ! -e {other} ]; do sleep 0.1; done")),
    )
    site.services.postgres.pause()
    try:
        time.sleep(FROZEN)
    finally:
        site.services.postgres.resume()
    began = time.monotonic()
    wait_for(lambda: _answers(site.client), 20, what="the API")
    took = time.monotonic() - began
    lost = site.rows("select id, error from heartbeats_heartbeatrun where error_code in ('process_lost', 'agent_lost')")
    assert lost == [], lost
    stop.touch()
    other.touch()
    ended = site.finished(run_id, 90)
    assert ended["status"] == "succeeded", ended
    return Seen(f"frozen {FROZEN:.0f} s (lease {LEASE} s): nothing reaped; the run succeeded in the end", took)


def control_plane_away(site: Site) -> Seen:
    """Everything but servers and agents is stopped for longer than a lease, then started: also a deploy (row 40)."""
    stop, lines = site.state / "stop", site.state / "lines"
    run_id = site.wake(
        site.agent("sh", "-c", f"echo begun >> {lines}; while [ ! -e {stop} ]; do sleep 0.1; done; exit 0")
    )
    before = site.running(run_id)
    began = time.monotonic()
    site.stop()
    drained = time.monotonic() - began
    assert drained < 20, drained
    time.sleep(AWAY)
    began = time.monotonic()
    site.start()
    took = time.monotonic() - began
    time.sleep(2)
    now = site.run(run_id)
    assert (now["status"], now["processPid"]) == ("running", before["processPid"]), now
    stop.touch()
    assert site.finished(run_id)["status"] == "succeeded"
    (count,) = site.rows("select count(*) from heartbeats_heartbeatrun")[0]
    assert (count, Path(lines).read_text().splitlines()) == (1, ["begun"])
    return Seen(f"drained in {drained:.1f} s, away {AWAY:.0f} s; same child, one run, no retry", took)


def deployed_with_work_in_flight(site: Site) -> Seen:
    """A stop and a start while runs are queued, starting and running."""
    agents = [site.agent("sh", "-c", f"echo $EVERBEAT_RUN_ID >> {site.state}/done; sleep 2") for _number in range(8)]
    asked = [site.wake(agent) for agent in agents]
    began = time.monotonic()
    site.stop()
    drained = time.monotonic() - began
    site.start()
    ended = [site.finished(run_id, 90) for run_id in asked]
    took = time.monotonic() - began
    others = [(run["status"], run["errorCode"], run["error"]) for run in ended if run["status"] != "succeeded"]
    assert not others, others
    assert sorted((site.state / "done").read_text().split()) == sorted(asked)
    (count,) = site.rows("select count(*) from heartbeats_heartbeatrun")[0]
    assert count == len(asked)
    return Seen(f"drained in {drained:.1f} s; {len(asked)} runs succeeded, each executed once, no retry", took)


def _back(site: Site, killed_at: datetime) -> bool:
    (fresh,) = site.rows("select count(*) from heartbeats_host where last_seen_at > %s", killed_at)
    return bool(fresh[0]) and site.count("celery -A config worker") == 1 and _answers(site.client)


def _answers(client: Client) -> bool:
    try:
        return client.send("GET", "/healthz", None)[0] == 200 and client.is_ready()
    except OSError:
        return False
