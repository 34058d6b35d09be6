"""`make up`: what it starts, restarts and stops."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from config.services.ports import usable_port
from config.up.supervisor import LONGEST_PAUSE, pause_before_restart
from tests.config.running import Running, eventually, python, runs

pytestmark = pytest.mark.processes

FAKE_UP = Path(__file__).with_name("fake_up.py")
Start = Callable[..., Running]


@pytest.fixture
def port() -> int:
    return usable_port()


@pytest.fixture
def start(open_folder: Path, port: int) -> Iterator[Start]:
    """Start a `make up` of fake processes against the test run's own servers."""
    with ExitStack() as running:

        def begin(*roles: str, prepare: str = "prepare", seconds: float = 30, **env: str) -> Running:
            own = {
                "EVERBEAT_STATE_DIR": str(open_folder / "state"),
                "EVERBEAT_PORT": str(port),
                "EVERBEAT_LIVE_PORT": str(usable_port(avoid=port)),
            }
            return running.enter_context(Running(python(FAKE_UP, str(seconds), prepare, *roles), own | env))

        yield begin


def pid_of(program: Running, role: str, times: int = 1) -> psutil.Process:
    return psutil.Process(int(program.hear(rf"^{role} *\| pid (\d+)", times=times).group(1)))


def test_it_tells_the_address_and_what_the_preparation_said_once_everything_is_ready(start: Start, port: int) -> None:
    program = start("api", "polite")
    program.hear("stop: +Ctrl-C")
    banner = program.text.split("Everbeat is ready: ")[1]
    assert banner.startswith(f"http://localhost:{port}\n")
    assert "password: shown-once" in banner
    assert "operator.env" in banner


def test_every_line_begins_with_the_name_of_its_process(start: Start) -> None:
    program = start("api", "polite")
    program.hear(rf"^api     \| database {os.environ['DATABASE_URL']}$")
    program.hear(r"^polite  \| pid \d+$")


def test_a_crashed_process_is_started_again(start: Start) -> None:
    program = start("api", "polite")
    first = pid_of(program, "polite")
    first.kill()
    program.hear(r"^polite +\| ended \(signal SIGKILL\); starts again in 0\.5 s")
    second = pid_of(program, "polite", times=2)
    assert second.pid != first.pid
    assert runs(second)


def test_pauses_grow_with_every_failure_and_stay_bounded() -> None:
    pauses = [pause_before_restart(failures) for failures in range(1, 50)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_lets_every_process_say_goodbye_and_leaves_none(start: Start, number: signal.Signals) -> None:
    program = start("api", "polite", "parent")
    program.hear("Everbeat is ready")
    program.hear("family")
    pid_of(program, "polite")
    started = [process for process in program.descendants() if process.cmdline()[:2] != ["sleep", "601"]]
    assert program.end(number) == 0
    assert not [process for process in started if runs(process)]
    assert "goodbye" in program.text
    detached_of(program).kill()


def detached_of(program: Running) -> psutil.Process:
    return psutil.Process(int(program.hear(r"family \d+ \d+ (\d+)").group(1)))


def test_what_a_process_detached_on_purpose_survives_the_stop(start: Start) -> None:
    program = start("api", "parent")
    program.hear("family")
    program.end()
    detached = detached_of(program)
    assert runs(detached)
    detached.kill()


def test_a_second_ctrl_c_does_not_wait_for_a_process_that_will_not_leave(start: Start) -> None:
    program = start("api", "polite", "stubborn")
    program.hear("Everbeat is ready")
    stubborn = pid_of(program, "stubborn")
    pid_of(program, "polite")
    program.process.send_signal(signal.SIGINT)
    program.hear("goodbye")
    assert runs(stubborn)
    assert program.end(signal.SIGINT, seconds=10) == 0
    assert not runs(stubborn)


def test_processes_do_not_outlive_a_killed_supervisor(start: Start) -> None:
    program = start("api", "polite")
    program.hear("Everbeat is ready")
    polite = pid_of(program, "polite")
    started = program.descendants()
    assert polite in started
    program.end(signal.SIGKILL)
    assert eventually(lambda: not any(runs(process) for process in started))


def test_the_workers_of_a_killed_process_die_with_it_but_not_what_it_detached(start: Start) -> None:
    program = start("api", "parent")
    parent, helper, detached = (psutil.Process(int(pid)) for pid in program.hear(r"family (\d+) (\d+) (\d+)").groups())
    parent.kill()
    program.hear("starts again")
    assert eventually(lambda: not runs(helper))
    assert runs(detached)
    detached.kill()
    program.hear("family", times=2)
    program.end()
    psutil.Process(int(program.hear(r"family \d+ \d+ (\d+)", times=2).group(1))).kill()


@pytest.mark.parametrize("variable", ["EVERBEAT_PORT", "EVERBEAT_LIVE_PORT"])
def test_a_port_in_use_is_named_with_the_process_that_has_it(start: Start, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        program = start("api", **{variable: str(number)})
        assert program.process.wait(30) == 1
    name = psutil.Process(os.getpid()).name()
    program.hear(rf"Port {number} is already in use by {name} \(process {os.getpid()}\)\..*{variable}=")


def test_a_failed_preparation_starts_nothing(start: Start) -> None:
    program = start("api", prepare="prepare-badly")
    assert program.process.wait(30) == 1
    program.hear(r"prepare \| the database is in a bad mood")
    program.hear(r"could not be prepared \(code 4\)")
    assert "api " not in program.text


def test_a_stop_during_the_preparation_starts_nothing(start: Start) -> None:
    program = start("api", prepare="prepare-forever")
    pid_of(program, "prepare")
    assert program.end() == 0
    assert "ready" not in program.text
    assert "api " not in program.text


def test_a_process_that_keeps_ending_is_named_when_the_rest_never_gets_ready(start: Start) -> None:
    program = start("crasher", "deaf-api", seconds=2)
    assert program.process.wait(30) == 1
    program.hear(r"Not ready after 2 s: no answer yet from deaf-api; these keep ending: crasher")
    program.hear(r"crasher +\| something is wrong", times=2)


def test_embedded_servers_start_first_stop_last_and_keep_their_data(start: Start, open_folder: Path) -> None:
    addresses = []
    for _ in range(2):
        program = start("api", DATABASE_URL="", REDIS_URL="")
        addresses.append(program.hear(r"database (\S+)").group(1))
        program.hear("Everbeat is ready")
        servers = [process for process in program.descendants() if process.name() in {"postgres", "valkey-server"}]
        assert len(servers) > 2
        assert program.end() == 0
        assert not any(runs(process) for process in servers)
    assert addresses[0] == addresses[1] != os.environ["DATABASE_URL"]
    assert (open_folder / "state" / "services.env").is_file()


def test_a_second_supervisor_on_the_same_folder_is_refused(start: Start) -> None:
    first = start("api", DATABASE_URL="", REDIS_URL="")
    first.hear("Everbeat is ready")
    second = start("api", DATABASE_URL="", REDIS_URL="", EVERBEAT_PORT=str(usable_port()))
    assert second.process.wait(30) == 1
    second.hear(rf"everbeat: Another Everbeat \(process {first.process.pid}\)")


def test_the_environment_variable_that_is_wrong_is_named(start: Start) -> None:
    program = start("api", EVERBEAT_PORT="many")
    assert program.process.wait(30) != 0
    program.hear("EVERBEAT_PORT")
