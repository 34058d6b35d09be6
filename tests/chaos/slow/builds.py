"""A schema that grows under running processes, and the build before the newest migration beside this one (row 38)."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from config.env import BASE_DIR
from tests.chaos.fault import Seen, Skipped
from tests.chaos.site import Site
from tests.chaos.slow.load import Load, at_work
from tests.waiting import wait_for

CLIENTS = 4
EARLY_SECONDS = 8.0
LOCK_TRIES = 10
NEWER_HOST = "newer"
_RUNS, _ISSUES, _WAKES, _AGENTS = (
    "heartbeats_heartbeatrun",
    "issues_issue",
    "heartbeats_wakeuprequest",
    "agents_agent",
)
EXPAND = (
    *(f"alter table {table} add column chaos_note text" for table in (_RUNS, _ISSUES, _WAKES, _AGENTS)),
    *(f"alter table {table} add column chaos_count integer not null default 0" for table in (_RUNS, _ISSUES)),
    f"create table chaos_ledger (id bigserial primary key, run_id uuid references {_RUNS} on delete cascade)",
    f"create index concurrently chaos_runs_by_count on {_RUNS} (chaos_count, created_at)",
    f"alter table {_RUNS} add constraint chaos_not_negative check (chaos_count >= 0) not valid",
    f"alter table {_RUNS} validate constraint chaos_not_negative",
)
CONTRACT = (
    "drop table chaos_ledger",
    "drop index concurrently chaos_runs_by_count",
    *(f"alter table {table} drop column chaos_note" for table in (_RUNS, _ISSUES, _WAKES, _AGENTS)),
    *(f"alter table {table} drop column chaos_count" for table in (_RUNS, _ISSUES)),
)


def a_schema_that_grows(site: Site) -> Seen:
    """Columns, a table, a constraint and an index come and go again while the processes that know none of them work."""
    stop, long_run, before = at_work(site)
    with _under_load(site) as load:
        began = time.monotonic()
        _one_by_one(site, EXPAND, load)
        _one_by_one(site, CONTRACT, load)
        took = time.monotonic() - began
    _all_succeeded(site, load)
    assert site.run(long_run)["processPid"] == before, "another child"
    stop.touch()
    assert site.finished(long_run)["status"] == "succeeded"
    return Seen(
        f"{len(EXPAND)} steps forward and {len(CONTRACT)} back in {took:.1f} s; {_told(load)}; the long run lived on",
        took,
    )


def an_older_build(site: Site) -> Seen:
    """The build before the newest migration works, is migrated under, is replaced, and comes back for a while."""
    site.stop()
    site.build = _older_build(site.state.parent / "older")
    _empty_database(site)
    site.start()  # the older build, on the schema that it makes
    missing = _missing_migrations(site)
    assert missing, "the older build knows every migration of this one"
    stop, long_run, before = at_work(site)
    with _newer_host(site), _under_load(site) as load:
        pinned = _wake_on_newer_host(site)
        early = _ends_within(site, pinned, EARLY_SECONDS)
        began = time.monotonic()
        _manage(site, "migrate", "--verbosity", "0")
        took = time.monotonic() - began
        _more_work(load, "the older build on the new schema")
        assert site.finished(pinned, 120)["status"] == "succeeded"
    _all_succeeded(site, load)
    for build in (BASE_DIR, site.build):  # the deploy, and the way back
        site.stop()
        site.build = build
        site.start()
        again = [site.wake(site.agent("true")) for _number in range(3)]
        assert {site.finished(run_id)["status"] for run_id in again} == {"succeeded"}
        now = site.run(long_run)
        assert (now["status"], now["processPid"]) == ("running", before), now
    stop.touch()
    assert site.finished(long_run)["status"] == "succeeded"
    asked = "ran before" if early else "ran only after"
    return Seen(
        f"{len(missing)} migrations ({', '.join(missing)}) in {took:.1f} s under the older build; {_told(load)}; the "
        f"run of a newer executor on the old schema {asked} the migration; same child over the deploy and the way back",
        took,
    )


@contextlib.contextmanager
def _under_load(site: Site) -> Iterator[Load]:
    load = Load(site, [site.agent("true") for _number in range(CLIENTS)])
    load.start()
    try:
        _more_work(load, "load")
        yield load
    finally:
        load.stop()


def _more_work(load: Load, what: str) -> None:
    """Each client has been answered again at least once, as far as numbers can tell."""
    seen = len(load.accepted)
    wait_for(lambda: len(load.accepted) > seen + 2 * CLIENTS, 60, what=f"more work: {what}; refused: {load.refused}")


def _one_by_one(site: Site, statements: tuple[str, ...], load: Load) -> None:
    for statement in statements:
        _changed(site, statement)
        _more_work(load, statement)


def _changed(site: Site, statement: str) -> None:
    """As an operator should: a short wait for the lock, and another try, so that nobody queues up behind it."""
    with psycopg.connect(site.services.database_url, autocommit=True) as link:
        link.execute("set lock_timeout = '500ms'" if "concurrently" not in statement else "set lock_timeout = 0")
        for left in reversed(range(LOCK_TRIES)):
            try:
                link.execute(statement.encode())
                return
            except psycopg.errors.LockNotAvailable:
                if not left:
                    raise


def _all_succeeded(site: Site, load: Load) -> None:
    assert set(load.refused) <= {503}, load.refused
    for run_id in set(load.accepted):
        found = site.finished(run_id, 90)
        assert found["status"] == "succeeded", found


def _told(load: Load) -> str:
    refused = ", ".join(f"{count} x {code}" for code, count in load.refused.items()) or "none"
    return f"{len(load.accepted)} accepted, all succeeded; refused: {refused}"


def _older_build(folder: Path) -> Path:
    """The tree before the newest commit that added a migration. Raises Skipped where there is no history."""
    try:
        newest = _git("log", "--diff-filter=A", "--format=%H", "-1", "--", "*/migrations/0*.py").decode().strip()
        tree = _git("archive", f"{newest}^")
    except (OSError, subprocess.CalledProcessError) as problem:
        raise Skipped("needs the history of the repository: there is no older build here") from problem
    with tarfile.open(fileobj=io.BytesIO(tree)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _git(*argv: str) -> bytes:
    return subprocess.run(["git", *argv], cwd=BASE_DIR, capture_output=True, check=True).stdout


def _empty_database(site: Site) -> None:
    parts = urlsplit(site.services.database_url)
    with psycopg.connect(parts._replace(path="/postgres").geturl(), autocommit=True) as link:
        link.execute("drop database everbeat with (force)")
        link.execute("create database everbeat")


def _missing_migrations(site: Site) -> list[str]:
    """What this build would apply, by name."""
    plan = _manage(site, "showmigrations", "--plan").splitlines()
    return [line.split()[2] for line in plan if line.startswith("[ ]")]


def _manage(site: Site, *argv: str) -> str:
    """A management command of this build."""
    return subprocess.run(
        [sys.executable, "manage.py", *argv], cwd=BASE_DIR, env=site.env, capture_output=True, text=True, check=True
    ).stdout


@contextlib.contextmanager
def _newer_host(site: Site) -> Iterator[None]:
    """A second executor, of this build, whose host was updated before the database was."""
    folder = site.state.parent / NEWER_HOST
    folder.mkdir()
    told = {"EVERBEAT_HOST_ID": NEWER_HOST, "EVERBEAT_HOST_LABELS": NEWER_HOST, "EVERBEAT_RUNS_DIR": str(folder)}
    worker = ("-m", "celery", "-A", "config", "worker", "-Q", f"runs.{NEWER_HOST}", "-n", NEWER_HOST, "-P", "threads")
    with (site.state / "newer.log").open("ab") as log:
        started = [
            subprocess.Popen(
                [sys.executable, *argv],
                cwd=BASE_DIR,
                env={**site.env, **told},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            for argv in (("manage.py", "supervise"), (*worker, "-c", "2", "--without-mingle"))
        ]
    try:
        yield
    finally:
        for process in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wake_on_newer_host(site: Site) -> str:
    agent = site.agent("true")
    site.rows("update agents_agent set host_label = %s where id = %s returning id", NEWER_HOST, agent)
    return site.wake(agent)


def _ends_within(site: Site, run_id: str, seconds: float) -> bool:
    try:
        site.finished(run_id, seconds)
    except AssertionError:
        return False
    return True
