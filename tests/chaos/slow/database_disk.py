"""The disk of PostgreSQL is full for a while (spec/6 row 31)."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from config.services.keeping import kept_running
from tests.chaos.fault import Seen
from tests.chaos.long.disks import small_disk
from tests.chaos.site import Site
from tests.chaos.slow.load import Load, at_work
from tests.waiting import wait_for

DISK = "256m"
CLIENTS = 4
REFUSALS = 20
"""So many requests are refused before the disk of the log is full, too."""
AWAY_SECONDS = 4.0


def the_disk_of_postgres_is_full(site: Site) -> Seen:
    """No table can grow, then the log cannot either and the server ends; then there is room again."""
    said: list[str] = []
    with _on_a_small_disk(site), kept_running(site.services, said.append):
        stop, long_run, before = at_work(site)
        load = Load(site, [site.agent("true") for _number in range(CLIENTS)])
        load.start()
        try:
            wait_for(lambda: len(load.accepted) > 2 * CLIENTS, 60, what="load")
            ballast = site.services.postgres.spec.folder / "ballast"
            _fill(ballast)
            _no_table_can_grow(site)
            wait_for(lambda: load.refused.total() >= REFUSALS, 60, what="refusals")
            wait_for(lambda: _log_ends(site, said), 60, what="PostgreSQL to end")
            time.sleep(AWAY_SECONDS)  # starts that fail, and requests without a database
            ballast.unlink()
            began, seen = time.monotonic(), len(load.accepted)
            wait_for(lambda: len(load.accepted) > seen + CLIENTS, 90, what=f"work again; refused: {load.refused}")
            took = time.monotonic() - began
        finally:
            load.stop()
        _nothing_is_lost(site, load)
        now = site.run(long_run)
        assert (now["status"], now["processPid"]) == ("running", before), now
        stop.touch()
        assert site.finished(long_run)["status"] == "succeeded"
        read = _everything_is_readable(site)
    return Seen(
        f"{len(load.accepted)} accepted, none lost, {load.refused[503]} x 503; PostgreSQL ended for want of log and "
        f"was started again; {read}; work again {took:.1f} s after there was room; the long run lived on",
        took,
    )


def _nothing_is_lost(site: Site, load: Load) -> None:
    assert set(load.refused) <= {503}, load.refused
    known = {str(row[0]) for row in site.rows("select id from heartbeats_heartbeatrun")}
    assert set(load.accepted) <= known, "accepted and lost"
    for run_id in set(load.accepted):
        ended = site.finished(run_id, 90)
        assert ended["status"] == "succeeded", ended


@contextlib.contextmanager
def _on_a_small_disk(site: Site) -> Iterator[None]:
    """The cluster moves to a disk of its own for the length of the block. Raises Skipped as `small_disk` does."""
    postgres = site.services.postgres
    data = postgres.spec.folder
    aside = data.with_name("aside")
    site.stop()
    postgres.stop()
    _copy(data, aside)
    with small_disk(data, DISK):
        _copy(aside, data)
        postgres.start()
        site.start()
        try:
            yield
        finally:
            site.stop()
            postgres.stop()
            _copy(data, aside)
    _copy(aside, data)
    postgres.start()


def _copy(source: Path, target: Path) -> None:
    """The target becomes what the source is, owners and all."""
    target.mkdir(exist_ok=True)
    subprocess.run(["find", str(target), "-mindepth", "1", "-delete"], check=True)
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)


def _fill(ballast: Path) -> None:
    """Take all the room that there is."""
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)


def _no_table_can_grow(site: Site) -> None:
    with contextlib.suppress(psycopg.errors.DiskFull):
        site.rows("create table chaos_growth as select repeat('x', 1000) from generate_series(1, 50000)")
        raise AssertionError("there was room")


def _log_ends(site: Site, said: list[str]) -> bool:
    """Let it continue in a new file, for which there is soon no room; true if it cannot."""
    with contextlib.suppress(psycopg.OperationalError):
        site.rows("select pg_logical_emit_message(true, 'chaos', 'x')")
        site.rows("select pg_switch_wal()")
    return bool(said)


def _everything_is_readable(site: Site) -> str:
    """Every row of every table, and every index against its table where the server has the means."""
    tables = [str(row[0]) for row in site.rows("select tablename from pg_tables where schemaname = 'public'")]
    for table in tables:
        site.rows(f'select count(t::text) from "{table}" t')
    if not site.rows("select 1 from pg_available_extensions where name = 'amcheck'"):
        return f"{len(tables)} tables read"
    with psycopg.connect(site.services.database_url, autocommit=True) as link:
        link.execute("create extension if not exists amcheck")
        found = link.execute(_INDEXES).fetchall()
    return f"{len(tables)} tables read, {len(found)} indexes agree with them"


_INDEXES = """
select bt_index_check(c.oid, true) from pg_class c join pg_index i on i.indexrelid = c.oid
  join pg_am a on a.oid = c.relam join pg_namespace n on n.oid = c.relnamespace
 where a.amname = 'btree' and n.nspname = 'public' and i.indisready and i.indisvalid
"""
