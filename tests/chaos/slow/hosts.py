"""Two hosts on one machine: each its own name, folders, worker, supervisor and boot (issue 5, point 5; rows 2, 5)."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from config.env import BASE_DIR
from tests.chaos.fault import Seen
from tests.chaos.site import Site
from tests.waiting import wait_for

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_WORKER = (
    *("-m", "celery", "-A", "config", "worker", "-P", "threads", "-c", "2"),
    *("--without-gossip", "--without-mingle", "-l", "INFO"),
)


@dataclass
class Host:
    """A worker set of its own. Its boot id is a file that is mounted over the kernel's, in its processes only."""

    site: Site
    name: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """What belongs to this host alone."""
        return self.site.state.parent / self.name

    def boot(self) -> None:
        """Start with a new boot id."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
        self.up()

    def up(self) -> None:
        """Start worker and supervisor in the boot that there is."""
        self._start("manage.py", "supervise")
        self._start(*_WORKER, "-Q", f"runs.{self.name}", "-n", self.name)

    def power_off(self) -> None:
        """Every process of it, agents and shims included, is killed at once."""
        self.kill_control()
        mine = f"{self.folder}/".encode()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if any(mine in (entry / part).read_bytes() for part in ("environ", "cmdline")):
                    os.kill(int(entry.name), signal.SIGKILL)

    def kill_control(self) -> None:
        """Worker and supervisor are killed; the agents live on."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()

    def _start(self, *argv: str) -> None:
        mounted = f'mount --bind {self.folder}/boot_id {_BOOT_ID} && exec "$@"'
        env = {
            **self.site.env,
            "EVERBEAT_HOST_ID": self.name,
            "EVERBEAT_HOST_LABELS": self.name,
            "EVERBEAT_RUNS_DIR": str(self.folder / "runs"),
        }
        with (self.folder / "log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    ["unshare", "-m", "sh", "-c", mounted, "sh", sys.executable, *argv],
                    cwd=BASE_DIR,
                    env=env,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )


def two_hosts(site: Site) -> Seen:
    """One host is killed and started again, the other reboots; each run ends where it ran, none is doubled."""
    if shutil.which("unshare") is None:
        raise AssertionError("this needs unshare(1) and the right to mount")
    with _hosts(site, "alpha", "beta") as (alpha, beta):
        stop, ran = site.state / "stop", site.state / "ran"
        script = f"echo $EVERBEAT_RUN_ID >> {ran}; while [ ! -e {stop} ]; do sleep 0.1; done"
        runs = {host.name: site.wake(_pinned(site, host, script)) for host in (alpha, beta)}
        before = {name: site.running(run_id, 60) for name, run_id in runs.items()}
        rows = site.rows("select id::text, executor_host from heartbeats_heartbeatrun")
        places = dict(rows)
        assert {name: places[run_id] for name, run_id in runs.items()} == {"alpha": "alpha", "beta": "beta"}
        began = time.monotonic()
        alpha.kill_control()
        beta.power_off()
        alpha.up()
        beta.boot()
        lost = site.finished(runs["beta"], 90)
        took = time.monotonic() - began
        assert (lost["status"], lost["errorCode"]) == ("failed", "process_lost"), lost
        now = site.run(runs["alpha"])
        assert (now["status"], now["processPid"]) == ("running", before["alpha"]["processPid"]), now
        ((retry,),) = wait_for(lambda: site.rows(_RETRIES, runs["beta"]), 30, what="a retry")
        site.running(str(retry), 60)
        ((place,),) = site.rows("select executor_host from heartbeats_heartbeatrun where id = %s", retry)
        assert place == "beta"
        stop.touch()
        assert site.finished(runs["alpha"])["status"] == "succeeded"
        assert site.finished(str(retry))["status"] == "succeeded"
        assert sorted(ran.read_text().split()) == sorted([*runs.values(), str(retry)])
    return Seen("alpha, killed and started: same child; beta, rebooted: lost and retried once, on beta again", took)


_RETRIES = "select id from heartbeats_heartbeatrun where retry_of_run_id = %s"


def _pinned(site: Site, host: Host, script: str) -> str:
    agent = site.agent("sh", "-c", script)
    site.rows("update agents_agent set host_label = %s where id = %s returning id", host.name, agent)
    return agent


@contextlib.contextmanager
def _hosts(site: Site, *names: str) -> Iterator[list[Host]]:
    hosts = [Host(site, name) for name in names]
    try:
        for host in hosts:
            host.boot()
        yield hosts
    finally:
        for host in hosts:
            host.power_off()
