"""A secret that a command writes into its result reaches neither the run nor its events nor the thread (spec/2 D)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from agents.models import Agent
from agents.secrets import store_secret
from heartbeats.execution.orders import ORDERS_NAME, Orders, read_orders
from heartbeats.execution.rundir import ExitRecord
from heartbeats.execution.starting import start_runs
from heartbeats.execution.supervisor.attempt import Attempt
from heartbeats.execution.supervisor.ledger import end
from heartbeats.execution.supervisor.secrecy import without_secrets
from heartbeats.models import HeartbeatRun
from heartbeats.runs.told import ExecutionResult
from tests.factories.agents import AgentFactory, CompanyFactory
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import assigned_to
from tests.present import present
from tests.processes import Machine
from tests.waiting import wait_for

VALUE = 'hidden "value" 7'


def orders(company_id: uuid.UUID, *secrets: str) -> Orders:
    return Orders(
        run_id=uuid.uuid4(), epoch=1, agent_id=uuid.uuid4(), company_id=company_id, adapter_type="process",
        timeout_sec=0, timeout_configured=False, grace_sec=1, lease_until=0, secrets=secrets,
    )  # fmt: skip


@pytest.mark.django_db
def test_every_text_of_a_result_is_cleared_of_every_spelling() -> None:
    company = CompanyFactory()
    secret = store_secret(company.pk, "key", VALUE, now=timezone.now())
    told: dict[str, Any] = {"deep": [{f"key {VALUE}": VALUE}], "json": json.dumps({"v": VALUE}), "n": 7}
    given = ExecutionResult(summary=f"used {VALUE}", error_message=VALUE, result=told)
    for name in ("key", str(secret.pk)):
        kept = without_secrets(given, orders(company.pk, name))
        assert "hidden" not in json.dumps([kept.summary, kept.error_message, kept.result])
        assert kept.result is not None
        assert kept.result["n"] == 7


@pytest.mark.django_db
def test_without_secrets_nothing_is_asked_and_one_that_is_gone_breaks_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    given = ExecutionResult(summary="plain")
    company = CompanyFactory()
    with django_assert_num_queries(0):
        assert without_secrets(given, orders(company.pk)) is given
        assert without_secrets(given, None) is given
    assert without_secrets(given, orders(company.pk, "gone")) == given


@pytest.mark.processes
def test_a_result_file_does_not_carry_a_secret_past_the_shim(machine: Machine) -> None:
    write = 'printf \'{"summary": "used %s"}\' "$KEY" > "$EVERBEAT_RESULT_FILE"; echo "$KEY"'
    reference = {"type": "secret_ref", "name": "key"}
    agent: Agent = AgentFactory(adapter_config={"command": "sh", "args": ["-c", write], "env": {"KEY": reference}})
    store_secret(agent.company_id, "key", "hidden-value-7", now=timezone.now())
    issue = assigned_to(agent, status="todo")
    run: HeartbeatRun = HeartbeatRunFactory(agent=agent, issue=issue)
    start_runs(agent.pk, now=timezone.now())
    directory = present(machine.live(run.pk))
    record = wait_for(lambda: directory.exit_record(), what="the exit record")
    assert isinstance(record, ExitRecord)
    assert "hidden-value" not in (directory.path / ORDERS_NAME).read_text()
    orders_left = present(read_orders(directory))
    assert present(end(Attempt(directory, run.pk, 1, orders=orders_left, exit=record))).won
    run.refresh_from_db()
    said = [run.result, run.stdout_excerpt, *run.events.values_list("payload", flat=True)]
    assert "hidden-value" not in json.dumps([*said, *issue.comments.values_list("body", flat=True)])
    assert "used ***REDACTED***" in json.dumps(run.result)
