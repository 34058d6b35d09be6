"""The database goes back in time while what ran in the lost time lives on (spec/6 row 45)."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from config.env import BASE_DIR
from tests.chaos.fault import Seen
from tests.chaos.site import Site
from tests.waiting import wait_for

NOWHERE = "nowhere"


def restored_from_a_backup(site: Site) -> Seen:
    """One run is at work when the backup is made, one is queued then and starts later, one is asked for later."""
    ran, stop = site.state / "ran", site.state / "stop"
    work = (
        f"exec 9>>{ran}.lock; flock -n 9 || echo overlap >> {ran}; echo $EVERBEAT_RUN_ID >> {ran}; "
        f"while [ ! -e {stop} ]; do sleep 0.1; done"
    )
    working, queued, later = (site.agent("sh", "-c", work.replace(str(ran), f"{ran}.{n}")) for n in range(3))
    _pin(site, queued, NOWHERE)
    at_work, in_queue = site.wake(working), site.wake(queued)
    site.running(at_work)
    site.stop()
    _copy_database(site, "everbeat", "saved")
    site.start()
    _pin(site, queued, "")
    lost_time = [at_work, in_queue, site.wake(later)]
    pids = [site.running(run_id, 60)["processPid"] for run_id in lost_time]
    site.stop()
    _copy_database(site, "saved", "everbeat")
    told = subprocess.run(
        [sys.executable, "manage.py", "restored"],
        cwd=BASE_DIR,
        env=site.env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.startswith("2 live runs have a new epoch, 1 of them"), told.stdout
    began = time.monotonic()
    site.start()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 60, what="the end of the lost processes")
    took = time.monotonic() - began
    _pin(site, queued, "")
    again = site.running(in_queue, 60)
    lost = site.finished(at_work, 90)
    ((retry,),) = site.rows("select id::text from heartbeats_heartbeatrun where retry_of_run_id = %s", at_work)
    site.running(retry, 60)
    stop.touch()
    assert site.finished(retry)["status"] == site.finished(in_queue)["status"] == "succeeded"
    assert (lost["status"], lost["errorCode"]) == ("failed", "process_lost"), lost
    assert again["processPid"] not in pids
    starts = [Path(f"{ran}.{n}").read_text().split() for n in range(3)]
    assert starts == [[at_work, retry], [in_queue, in_queue], [lost_time[2]]], starts
    return Seen(
        "three processes of the lost time were stopped; the run at work was lost and retried, the queued one started "
        "under an epoch of its own, none overlapped with its earlier self; what was asked for later is forgotten",
        took,
    )


def _pin(site: Site, agent: str, label: str) -> None:
    site.rows("update agents_agent set host_label = %s where id = %s returning id", label, agent)


def _copy_database(site: Site, source: str, target: str) -> None:
    """Backup and restore in one: the target becomes what the source is. Nobody else may be connected."""
    parts = urlsplit(site.services.database_url)
    with psycopg.connect(parts._replace(path="/postgres").geturl(), autocommit=True) as link:
        link.execute(f"drop database if exists {target} with (force)")
        link.execute(f"create database {target} template {source}")
