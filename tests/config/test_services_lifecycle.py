"""The embedded servers: started, stopped, killed, frozen, and what they remember."""

from __future__ import annotations

import os
import signal
import stat
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.services import ServiceError, Services, keeping, start_services, throwaway_services
from config.services.throwaway import remove_abandoned
from tests.config.running import Running, eventually, python, runs
from tests.timing import within
from tests.waiting import wait_for

pytestmark = pytest.mark.processes


def setting(services: Services, name: str) -> str:
    with psycopg.connect(services.database_url) as connection:
        row = connection.execute(f"SHOW {name}").fetchone()
    assert row is not None
    return str(row[0])


def write_something(services: Services) -> None:
    with psycopg.connect(services.database_url) as connection:
        connection.execute("CREATE TABLE note (text text)")
        connection.execute("INSERT INTO note VALUES ('remembered')")
    with redis.from_url(services.redis_url) as client:
        client.set("note", "remembered")


def read_back(services: Services) -> tuple[str, str]:
    with psycopg.connect(services.database_url) as connection:
        row = connection.execute("SELECT text FROM note").fetchone()
    assert row is not None
    with redis.from_url(services.redis_url, decode_responses=True) as client:
        return str(row[0]), str(client.get("note"))


def test_a_second_start_finds_the_data_of_the_first(open_folder: Path) -> None:
    with start_services(open_folder / "state") as first:
        write_something(first)
        addresses = first.database_url, first.redis_url
    with start_services(open_folder / "state") as second:
        assert read_back(second) == ("remembered", "remembered")
        assert (second.database_url, second.redis_url) == addresses


def test_durable_servers_wait_for_the_disk_and_refuse_rather_than_forget(services: Services) -> None:
    assert {name: setting(services, name) for name in ("fsync", "synchronous_commit", "jit", "max_connections")} == {
        "fsync": "on",
        "synchronous_commit": "on",
        "jit": "off",
        "max_connections": "200",
    }
    with redis.from_url(services.redis_url, decode_responses=True) as client:
        assert client.config_get("appendonly", "maxmemory-policy") == {
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
        }


def test_text_is_utf8_and_sorted_the_same_on_every_machine(services: Services) -> None:
    assert setting(services, "server_encoding") == "UTF8"
    with psycopg.connect(services.database_url) as connection:
        row = connection.execute("SELECT string_agg(x, '' ORDER BY x) FROM unnest('{b,A,ä,a}'::text[]) x").fetchone()
    assert row == ("Aabä",)


def test_throwaway_servers_do_not_wait_for_the_disk_and_leave_nothing() -> None:
    with throwaway_services() as services:
        assert setting(services, "fsync") == "off"
        folder = services.postgres.spec.log.parent
        processes = [psutil.Process(services.postgres.pid), psutil.Process(services.valkey.pid)]
        assert folder.is_dir()
    assert not folder.exists()
    assert not any(runs(process) for process in processes)


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_password_is_asked_for(services: Services, name: str) -> None:
    if name == "postgres":
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(services.database_url.replace("everbeat:", "everbeat:wrong", 1))
    else:
        client = redis.Redis(port=services.valkey.port, retry=Retry(NoBackoff(), 0))
        with pytest.raises(redis.AuthenticationError):
            client.ping()
        client.close()


def test_passwords_are_kept_where_only_their_owner_reads_them(services: Services, open_folder: Path) -> None:
    state = open_folder / "state"
    for secret in (state / "services.json", state / "services.env", services.valkey.spec.folder / "valkey.conf"):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert f"export DATABASE_URL={services.database_url}\n" in (state / "services.env").read_text()
    password = services.redis_url.split(":")[2].split("@")[0]
    for server in (services.postgres, services.valkey):
        assert password not in " ".join(psutil.Process(server.pid).cmdline())


@pytest.mark.parametrize("ending", ["kill", "stop_immediate", "stop"])
def test_committed_work_survives_every_way_to_end(services: Services, ending: str) -> None:
    write_something(services)
    with redis.from_url(services.redis_url) as client:
        client.waitaof(1, 0, 5000)
    old = services.postgres.pid, services.valkey.pid
    for server in (services.postgres, services.valkey):
        getattr(server, ending)()
        assert not server.alive
        server.start()
    assert read_back(services) == ("remembered", "remembered")
    assert {services.postgres.pid, services.valkey.pid}.isdisjoint(old)


def test_a_server_that_ends_by_itself_is_started_again(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "LOOK_EVERY", 0.02)
    write_something(services)
    with redis.from_url(services.redis_url) as client:
        client.waitaof(1, 0, 5000)
    said: list[str] = []
    with keeping.kept_running(services, said.append):
        for server in (services.postgres, services.valkey):
            os.kill(server.pid, signal.SIGKILL)
            name = server.spec.name
            wait_for(partial(said.__contains__, f"{name} runs again"), what=f"{name} again")
    assert read_back(services) == ("remembered", "remembered")


def test_restart_keeps_the_address(services: Services) -> None:
    before = services.database_url, services.redis_url
    services.postgres.restart()
    services.valkey.restart()
    assert (services.database_url, services.redis_url) == before
    assert setting(services, "port") == str(services.postgres.port)


def test_a_server_restarted_by_a_thread_outlives_that_thread(services: Services) -> None:
    thread = threading.Thread(target=services.valkey.restart)
    thread.start()
    thread.join()
    process = psutil.Process(services.valkey.pid)
    with pytest.raises(psutil.TimeoutExpired):
        process.wait(timeout=0.3)


def test_a_paused_server_answers_nobody_until_it_is_resumed(services: Services) -> None:
    impatient = redis.from_url(services.redis_url, socket_timeout=0.2, retry=Retry(NoBackoff(), 0))
    impatient.ping()
    services.valkey.pause()
    with pytest.raises(redis.TimeoutError):
        impatient.ping()
    services.valkey.resume()
    impatient.close()
    services.postgres.pause()
    stopped = psutil.Process(services.postgres.pid)
    assert eventually(lambda: stopped.status() == psutil.STATUS_STOPPED)
    services.postgres.resume()
    assert setting(services, "fsync") == "on"


def test_a_paused_server_can_be_stopped(services: Services) -> None:
    services.postgres.pause()
    services.postgres.stop()
    assert not services.postgres.alive


def test_a_stopped_server_has_no_pid(services: Services) -> None:
    services.valkey.stop()
    with pytest.raises(ServiceError, match="Valkey does not run"):
        _ = services.valkey.pid


def test_two_launchers_on_one_folder_are_refused(services: Services, open_folder: Path) -> None:
    with pytest.raises(ServiceError, match=rf"process {os.getpid()}.*EVERBEAT_STATE_DIR"):
        start_services(open_folder / "state")
    assert services.postgres.alive


def test_after_a_stop_the_folder_is_free_again(open_folder: Path) -> None:
    services = start_services(open_folder / "state")
    services.stop()
    services.stop()
    start_services(open_folder / "state").stop()


def test_a_port_taken_by_somebody_else_is_replaced(open_folder: Path) -> None:
    with start_services(open_folder / "state") as first:
        write_something(first)
        port = first.valkey.port
    with redis_lookalike(port), start_services(open_folder / "state") as second:
        assert second.valkey.port != port
        assert read_back(second) == ("remembered", "remembered")


def redis_lookalike(port: int) -> Running:
    script = f"import socket; s = socket.create_server(('127.0.0.1', {port})); print('listening'); s.accept()"
    running = Running(["python3", "-c", script], {})
    running.hear("listening")
    return running


LAUNCHER = """
import sys, pathlib, signal
from config.services import start_services
services = start_services(pathlib.Path(sys.argv[1]))
print("pids", services.postgres.pid, services.valkey.pid)
signal.pause()
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="only Linux tells a child that its parent died")
def test_servers_die_with_a_killed_launcher_and_the_next_one_finds_the_data(open_folder: Path) -> None:
    script = open_folder / "launcher.py"
    script.write_text(LAUNCHER)
    with Running(python(script, str(open_folder / "state")), {}) as launcher:
        match = launcher.hear(r"pids (\d+) (\d+)")
        processes = [psutil.Process(int(pid)) for pid in match.groups()]
        assert launcher.end(signal.SIGKILL) == -signal.SIGKILL
    assert eventually(lambda: not any(runs(process) for process in processes))
    with start_services(open_folder / "state") as services:
        assert setting(services, "fsync") == "on"


def test_a_stale_pid_file_does_not_hinder_the_start(services: Services) -> None:
    pid_file = services.postgres.spec.pid_file
    services.postgres.stop()
    # As after a reboot: the number belongs to another program by now.
    pid_file.write_text(f"{os.getpid()}\n{pid_file.parent}\n")
    services.postgres.start()
    assert setting(services, "fsync") == "on"


def test_a_server_left_behind_on_the_data_is_stopped_first(open_folder: Path) -> None:
    with start_services(open_folder / "state") as services:
        write_something(services)
        # Forget the process, as a launcher on a system without death signals would when it is killed.
        left = psutil.Process(services.postgres.pid)
        services.postgres._process = None
        services.postgres.start()
        assert not runs(left)
        assert read_back(services) == ("remembered", "remembered")


def test_an_error_shows_the_end_of_the_log(services: Services) -> None:
    services.postgres.stop()
    (services.postgres.spec.folder / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(ServiceError, match=r"(?s)PostgreSQL ended with code.*postgres\.log.*no_such_setting"):
        services.postgres.start()


def test_data_without_its_password_file_says_what_to_restore(open_folder: Path) -> None:
    start_services(open_folder / "state").stop()
    (open_folder / "state" / "services.json").unlink()
    with pytest.raises(ServiceError, match=r"services\.json is missing"):
        start_services(open_folder / "state")


def test_data_of_another_major_version_is_refused_with_the_way_out(open_folder: Path) -> None:
    with start_services(open_folder / "state") as services:
        data = services.postgres.spec.folder
    (data / "PG_VERSION").write_text("12\n")
    with pytest.raises(ServiceError, match="made by PostgreSQL 12"):
        start_services(open_folder / "state")


def test_throwaway_servers_start_fast_enough_for_every_test_run() -> None:
    with throwaway_services():
        pass  # makes the template where there is none yet
    with ExitStack() as running:
        assert within(1.5, lambda: running.enter_context(throwaway_services()))


def test_what_a_killed_test_run_left_behind_is_deleted_by_the_next(open_folder: Path) -> None:
    left, used, young = (open_folder / f"everbeat-test-{name}" for name in ("left", "used", "young"))
    for folder in (left, used, young):
        folder.mkdir()
        (folder / "services.lock").touch()
    with start_services(used):
        a_minute_ago = time.time() - 61
        os.utime(left, (a_minute_ago, a_minute_ago))
        os.utime(used, (a_minute_ago, a_minute_ago))
        assert remove_abandoned(open_folder, now=time.time()) == [left]
    assert used.is_dir()
    assert young.is_dir()
