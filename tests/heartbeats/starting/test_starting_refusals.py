"""Starts that cannot happen: each ends the run with a clear code and message, and never a worker ("Bad input")."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from agents.models import Agent
from agents.secrets import store_secret
from heartbeats.execution import preparation, starting
from heartbeats.models import EnvironmentLease, HeartbeatRun
from heartbeats.vocabulary import RunStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.heartbeats.supervisor.conftest import Work
from tests.present import present
from tests.processes import Machine

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(
    ("config", "code", "named"),
    [
        ({"command": "no-such-command-anywhere"}, "command_not_found", "no-such-command-anywhere"),
        ({}, "command_missing", "adapterConfig.command"),
        ({"command": "true", "cwd": "/no/such/place"}, "cwd_not_found", "/no/such/place"),
        ({"command": "true", "cwd": "/etc/passwd"}, "cwd_not_directory", "/etc/passwd"),
        ({"command": "/etc/passwd"}, "command_not_executable", "/etc/passwd"),
        ({"command": "true", "env": {"PORT": 8000}}, "adapter_config_invalid", "adapterConfig.env.PORT"),
        ({"command": "true", "args": "not a list"}, "adapter_config_invalid", "adapterConfig.args"),
        (
            {"command": "true", "env": {"KEY": {"type": "secret_ref", "name": "absent"}}},
            "secret_missing",
            "KEY",
        ),
    ],
)
def test_a_start_that_cannot_happen_is_adapter_failed_names_the_step_and_is_not_tried_again(
    machine: Machine, config: dict[str, Any], code: str, named: str
) -> None:
    run = start(AgentFactory(adapter_config=config))
    assert setup_error_of(run) == code
    assert named in (run.error or "")
    assert present(run.result)["errorFamily"] == "config"
    assert machine.live(run.pk) is None
    assert not EnvironmentLease.objects.filter(run=run, status="active").exists()


def test_an_adapter_type_that_no_host_starts_fails_the_run(machine: Machine) -> None:
    run = start(AgentFactory(adapter_type="openclaw_gateway", adapter_config={}))
    assert setup_error_of(run) == "adapter_unknown"


def test_a_remote_agent_is_never_claimed_by_a_host(machine: Machine) -> None:
    run = start(AgentFactory(adapter_type="remote", adapter_config={}))
    assert run.status == RunStatus.QUEUED


def test_a_disk_that_refuses_the_run_directory_fails_the_run(machine: Machine) -> None:
    machine.runs_dir.mkdir()
    (machine.runs_dir / "live").write_text("in the way")
    run = start(AgentFactory())
    assert setup_error_of(run) == "run_dir_unwritable"


def test_a_secret_that_cannot_be_opened_fails_the_run_without_telling_it(machine: Machine) -> None:
    agent: Agent = AgentFactory(
        adapter_config={"command": "true", "env": {"KEY": {"type": "secret_ref", "name": "key"}}}
    )
    secret = store_secret(agent.company_id, "key", "hidden value", now=timezone.now())
    type(secret).objects.filter(pk=secret.pk).update(ciphertext=b"damaged")
    run = start(agent)
    assert setup_error_of(run) == "secret_unreadable"


def test_an_error_that_nobody_foresaw_ends_the_run_too(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(starting, "prepare", broken)
    run = start(AgentFactory())
    assert setup_error_of(run) == "start_failed"
    assert "unforeseen" in (run.error or "")


def test_a_start_that_the_database_fails_goes_back_to_the_queue_and_ends_only_after_very_many(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_kwargs: object) -> None:
        raise OperationalError("could not extend file: No space left on device")

    monkeypatch.setattr(starting, "prepare", full)
    run = start(AgentFactory())
    assert (run.status, run.error_code, run.supervisor_losses) == ("queued", None, 0)
    assert machine.live(run.pk) is None
    monkeypatch.setattr(starting, "MOST_CLAIMS", 2)
    starting.start_runs(run.agent_id, now=timezone.now())
    run.refresh_from_db()
    assert setup_error_of(run) == "start_failed"


def test_an_agent_paused_between_claim_and_launch_never_starts(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    agent: Agent = AgentFactory(adapter_config={"command": "touch", "args": [str(tmp_path / "ran")]})
    prepare = preparation.prepare

    def pause_then_prepare(*args: Any, **kwargs: Any) -> Any:
        Agent.objects.filter(pk=agent.pk).update(status="paused")
        return prepare(*args, **kwargs)

    monkeypatch.setattr(starting, "prepare", pause_then_prepare)
    run = start(agent)
    assert (run.status, run.process_stopping) == (RunStatus.CANCELLED, False)
    assert not (tmp_path / "ran").exists()


def test_a_run_cancelled_between_claim_and_launch_never_starts(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from heartbeats.runs.cancelling import cancel_run

    agent: Agent = AgentFactory(adapter_config={"command": "touch", "args": [str(tmp_path / "ran")]})
    prepare = preparation.prepare

    def cancel_then_prepare(facts: Any, *args: Any, **kwargs: Any) -> Any:
        cancel_run(facts.run.pk, now=timezone.now())
        return prepare(facts, *args, **kwargs)

    monkeypatch.setattr(starting, "prepare", cancel_then_prepare)
    run = start(agent)
    assert (run.status, run.process_stopping) == (RunStatus.CANCELLED, False)
    assert not (tmp_path / "ran").exists()


def test_one_call_starts_as_many_as_slots_and_host_allow(machine: Machine, work: Work, settings: Any) -> None:
    settings.HOST_CAPACITY = 2
    agent: Agent = AgentFactory(adapter_config={"command": "sleep", "args": ["60"]}, max_concurrent_runs=3)
    runs = [HeartbeatRunFactory(agent=agent) for _number in range(4)]
    assert len(starting.start_runs(agent.pk, now=timezone.now()).started) == 2
    assert starting.start_runs(agent.pk, now=timezone.now()).started == ()
    assert sorted(work.reload(run).status for run in runs) == ["queued", "queued", "running", "running"]


def start(agent: Agent) -> HeartbeatRun:
    run: HeartbeatRun = HeartbeatRunFactory(agent=agent)
    starting.start_runs(agent.pk, now=timezone.now())
    return HeartbeatRun.objects.get(pk=run.pk)


def setup_error_of(run: HeartbeatRun) -> object:
    """The step at which the start of a run failed, which is `adapter_failed` for all of them (spec/2 D)."""
    result = present(run.result)
    assert (run.status, run.error_code, result["stopReason"]) == ("failed", "adapter_failed", "adapter_failed")
    return result["setupError"]
