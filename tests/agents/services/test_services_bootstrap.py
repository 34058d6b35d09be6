"""The first start, and the keys to the house when they are lost (DESIGN 7)."""

from __future__ import annotations

import stat
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from agents.models import Agent, BoardKey, Company, User
from tests.factories.agents import CompanyFactory, UserFactory

pytestmark = pytest.mark.django_db


def run(name: str, *args: str) -> str:
    out = StringIO()
    call_command(name, *args, stdout=out)
    return out.getvalue()


@pytest.fixture
def state_dir(tmp_path: Path, settings: object) -> Path:
    settings.STATE_DIR = tmp_path / "state"  # type: ignore[attr-defined]
    return tmp_path / "state"


def sourced(path: Path) -> dict[str, str]:
    """The variables that a shell has after sourcing the file."""
    out = subprocess.run(
        ["sh", "-c", '. "$1" && env', "sh", str(path)], capture_output=True, text=True, check=True, env={}
    ).stdout
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)


def test_an_empty_database_gets_an_operator_who_can_log_in_and_call(state_dir: Path) -> None:
    said = run("bootstrap")
    file = state_dir / "operator.env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    shell = sourced(file)
    assert f"password:      {shell['EVERBEAT_OPERATOR_PASSWORD']}" in said
    assert shell["PAPERCLIP_API_KEY"] == shell["EVERBEAT_API_KEY"]
    assert shell["PAPERCLIP_API_KEY"] not in said
    assert APIClient().login(username="operator", password=shell["EVERBEAT_OPERATOR_PASSWORD"])
    caller = APIClient()
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {shell['PAPERCLIP_API_KEY']}")
    (company,) = caller.get("/api/companies").json()
    assert company["id"] == shell["PAPERCLIP_COMPANY_ID"]
    (agent,) = caller.get(f"/api/companies/{company['id']}/agents").json()
    assert agent["adapterType"] == "process"
    assert agent["adapterConfig"]["command"] == sys.executable


def test_a_second_start_changes_and_says_nothing(state_dir: Path) -> None:
    run("bootstrap")
    before = (state_dir / "operator.env").read_bytes()
    assert run("bootstrap") == ""
    assert (User.objects.count(), Company.objects.count(), Agent.objects.count(), BoardKey.objects.count()) == (
        1,
        1,
        1,
        1,
    )
    assert (state_dir / "operator.env").read_bytes() == before


@pytest.mark.parametrize("factory", [UserFactory, CompanyFactory])
def test_a_database_with_anybody_in_it_is_left_alone(state_dir: Path, factory: type) -> None:
    factory()
    assert run("bootstrap") == ""
    assert not (state_dir / "operator.env").exists()


def test_a_lost_key_is_replaced() -> None:
    user = UserFactory(username="ada")
    first = run("new_board_key", "ada").strip()
    second = run("new_board_key", "ada", "--revoke-others").strip()
    caller = APIClient()
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {first}")
    assert caller.get("/api/companies").status_code == 401
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {second}")
    assert caller.get("/api/cli-auth/me").json()["userId"] == str(user.id)
    with pytest.raises(CommandError):
        run("new_board_key", "nobody")


def test_a_lost_password_is_replaced() -> None:
    UserFactory(username="ada")
    password = run("reset_password", "ada").strip()
    assert APIClient().login(username="ada", password=password)
    with pytest.raises(CommandError):
        run("reset_password", "nobody")
