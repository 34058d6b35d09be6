"""The common runner: lock, switch, record, guard, dry run (DESIGN 2, spec/6 faults 9, 41, 42)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction

from agents.models import Agent, LiveEvent
from recovery.models import PoisonRow, SweepRun, SweepState
from recovery.sweeps.cycle import SweepConfig
from recovery.sweeps.rows import Done, Left, RowResult, SweepPass
from recovery.sweeps.run import Body, Sweep, SweepReport, dry_run, run_sweep, run_sweep_by_hand, switch_sweep
from recovery.vocabulary import SweepName, SweepOutcome
from tests.factories.agents import AgentFactory
from tests.racing import race
from tests.statements import counted

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CONFIG = SweepConfig("prune", timedelta(seconds=5), batch_size=3, max_batches=4)

pytestmark = pytest.mark.django_db


def sweep(body: Body, config: SweepConfig = CONFIG, *, quiet: bool = False) -> Sweep:
    return Sweep(SweepName.PRUNE, body, config, quiet=quiet)


def idle(_work: SweepPass) -> None:
    pass


def agents_in_order(after: UUID | None, limit: int) -> Sequence[UUID]:
    rows = Agent.objects.order_by("id")
    if after is not None:
        rows = rows.filter(id__gt=after)
    return list(rows.values_list("id", flat=True)[:limit])


def naming_agents(act: Callable[[UUID], RowResult] | None = None) -> Body:
    """A sweep that gives every unnamed agent a name: its verdict changes the condition that it looks at."""

    def name_it(agent_id: UUID) -> RowResult:
        agent = Agent.objects.select_for_update(skip_locked=True).filter(pk=agent_id).first()
        if agent is None or agent.title:
            return Left("named")
        Agent.objects.filter(pk=agent_id).update(title="named")
        return Done("named_now", agent.company_id)

    return lambda work: work.over(agents_in_order, act or name_it)


def test_an_idle_pass_succeeds_and_leaves_a_row_at_most_once_a_minute() -> None:
    for seconds in (0, 5, 55, 61):
        assert run_sweep(sweep(idle), now=NOW + timedelta(seconds=seconds)).outcome is SweepOutcome.DONE
    assert [run.started_at for run in SweepRun.objects.order_by("started_at")] == [NOW, NOW + timedelta(seconds=61)]
    assert SweepState.objects.get().last_succeeded_at == NOW + timedelta(seconds=61)


def test_a_pass_that_acted_always_leaves_a_row_and_tells_the_company() -> None:
    run_sweep(sweep(idle), now=NOW)
    agent = AgentFactory()
    report = run_sweep(sweep(naming_agents()), now=NOW + timedelta(seconds=5))
    assert (report.results.acted, dict(report.counts)) == (1, {"named_now": 1})
    row = SweepRun.objects.order_by("-started_at")[0]
    assert (row.acted, row.looked_at, row.counts, row.report["ids"]) == (1, 1, {"named_now": 1}, [str(agent.pk)])
    event = LiveEvent.objects.get(type="recovery.sweep")
    assert (event.company_id, event.payload["acted"], event.payload["sweep"]) == (agent.company_id, 1, "prune")


def test_a_quiet_sweep_that_acts_is_recorded_once_a_minute_and_tells_nobody() -> None:
    AgentFactory()
    for seconds in (0, 5):
        run_sweep(sweep(naming_agents(lambda _id: Done("rung")), quiet=True), now=NOW + timedelta(seconds=seconds))
    assert SweepRun.objects.count() == 1
    assert not LiveEvent.objects.filter(type="recovery.sweep").exists()


def test_a_switched_off_sweep_looks_at_nothing_until_it_is_on_again_or_asked_by_hand() -> None:
    AgentFactory()
    switch_sweep(SweepName.PRUNE, enabled=False)
    assert run_sweep(sweep(naming_agents()), now=NOW).skipped_because == "switched_off"
    assert not SweepRun.objects.exists()
    assert run_sweep_by_hand(sweep(naming_agents()), now=NOW).results.acted == 1
    assert SweepState.objects.get().enabled is False
    switch_sweep(SweepName.PRUNE, enabled=True)
    assert run_sweep(sweep(naming_agents()), now=NOW).outcome is SweepOutcome.DONE


def test_a_body_that_raises_is_recorded_and_keeps_the_last_success() -> None:
    run_sweep(sweep(idle), now=NOW)

    def broken(_work: SweepPass) -> None:
        raise ValueError("postgres://me:hunter2@db said no")

    report = run_sweep(sweep(broken), now=NOW + timedelta(seconds=5))
    state = SweepState.objects.get()
    assert (report.outcome, state.last_succeeded_at) == (SweepOutcome.FAILED, NOW)
    assert state.last_error is not None
    assert "ValueError" in state.last_error
    assert "hunter2" not in state.last_error
    assert SweepRun.objects.get(started_at=NOW + timedelta(seconds=5)).outcome == "failed"
    run_sweep(sweep(idle), now=NOW + timedelta(seconds=10))
    assert SweepState.objects.get().last_error is None


def test_a_poison_row_is_flagged_pushed_forward_and_hides_nothing() -> None:
    rows = sorted(AgentFactory().pk for _ in range(8))
    tried: list[UUID] = []

    def act(agent_id: UUID) -> RowResult:
        tried.append(agent_id)
        if agent_id == rows[1]:
            Agent.objects.filter(pk=agent_id).update(title="half done")
            raise RuntimeError("corrupt")
        return Done("fine")

    report = run_sweep(sweep(naming_agents(act)), now=NOW)
    assert (report.results.acted, report.results.errors) == (7, 1)
    poison = PoisonRow.objects.get()
    assert (poison.row_id, poison.failures, poison.retry_at) == (rows[1], 1, NOW + timedelta(minutes=1))
    assert Agent.objects.get(pk=rows[1]).title is None
    tried.clear()
    report = run_sweep(sweep(naming_agents(act)), now=NOW + timedelta(seconds=30))
    assert rows[1] not in tried
    assert report.results.skipped == {"poison": 1}
    run_sweep(sweep(naming_agents(act)), now=NOW + timedelta(minutes=2))
    assert PoisonRow.objects.get().failures == 2


def test_a_row_that_no_longer_raises_is_forgotten() -> None:
    agent = AgentFactory()
    PoisonRow.objects.create(sweep="prune", row_id=agent.pk, failures=3, retry_at=NOW, error="once")
    assert run_sweep(sweep(naming_agents()), now=NOW).results.acted == 1
    assert not PoisonRow.objects.exists()


def test_a_full_page_of_rows_without_need_does_not_hide_the_next() -> None:
    for _ in range(7):
        AgentFactory(title="done before")
    last = AgentFactory()
    report = run_sweep(sweep(naming_agents()), now=NOW)
    assert report.results.ids == (last.pk,)
    assert not report.results.cut_short


def test_a_pass_stops_at_its_limit_and_says_so() -> None:
    for _ in range(13):
        AgentFactory(title="x")
    report = run_sweep(sweep(naming_agents()), now=NOW)
    assert (report.results.looked_at, report.results.cut_short) == (12, True)


def test_a_dry_run_decides_the_same_and_writes_nothing() -> None:
    AgentFactory()

    def body(work: SweepPass) -> None:
        assert work.dry_run
        work.over(agents_in_order, lambda _id: Done("would"))

    report = dry_run(sweep(body), now=NOW)
    assert (report.results.acted, report.results.dry_run) == (1, True)
    assert not SweepRun.objects.exists()
    assert not SweepState.objects.exists()


def test_a_row_that_raises_in_a_dry_run_is_reported_and_not_remembered() -> None:
    AgentFactory()

    def act(_id: UUID) -> RowResult:
        raise RuntimeError("corrupt")

    assert dry_run(sweep(naming_agents(act)), now=NOW).results.errors == 1
    assert not PoisonRow.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_do_the_work_once() -> None:
    for _ in range(9):
        AgentFactory()
    reports: list[SweepReport] = race([lambda: run_sweep(sweep(naming_agents()), now=NOW)] * 8)
    assert sum(report.results.acted for report in reports) == 9
    assert {report.outcome for report in reports} <= {SweepOutcome.DONE, SweepOutcome.SKIPPED}
    assert Agent.objects.filter(title="named").count() == 9


@pytest.mark.django_db(transaction=True)
def test_a_second_pass_does_not_wait_for_the_first() -> None:
    inside, leave = threading.Event(), threading.Event()

    def slow(_work: SweepPass) -> None:
        inside.set()
        assert leave.wait(10)

    def first() -> SweepReport:
        return run_sweep(sweep(slow), now=NOW)

    def second() -> SweepReport:
        assert inside.wait(10)
        try:
            return run_sweep(sweep(idle), now=NOW)
        finally:
            leave.set()

    one, two = race([first, second])
    assert (one.outcome, two.skipped_because) == (SweepOutcome.DONE, "already_running")
    assert run_sweep(sweep(idle), now=NOW).outcome is SweepOutcome.DONE


@pytest.mark.django_db(transaction=True)
def test_a_locked_row_is_left_for_later_without_being_called_poison() -> None:
    agent = AgentFactory()
    locked, leave = threading.Event(), threading.Event()

    def holder() -> None:
        with transaction.atomic():
            Agent.objects.select_for_update().get(pk=agent.pk)
            locked.set()
            assert leave.wait(10)

    def impatient(agent_id: UUID) -> RowResult:
        Agent.objects.select_for_update(nowait=True).get(pk=agent_id)
        return Done("x")

    def sweeper() -> SweepReport:
        assert locked.wait(10)
        try:
            return run_sweep(sweep(naming_agents(impatient)), now=NOW)
        finally:
            leave.set()

    report = race([holder, sweeper])[1]
    assert report is not None
    assert report.results.skipped == {"busy": 1}
    assert not PoisonRow.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_body_that_loses_the_database_leaves_no_lock_behind() -> None:
    def lost(_work: SweepPass) -> None:
        connection.close()
        raise RuntimeError("gone")

    assert run_sweep(sweep(lost), now=NOW).outcome is SweepOutcome.FAILED
    assert race([lambda: run_sweep(sweep(idle), now=NOW)])[0].outcome is SweepOutcome.DONE


@pytest.mark.django_db(transaction=True)
def test_an_idle_pass_takes_six_statements() -> None:
    run_sweep(sweep(idle), now=NOW)
    with counted() as statements:
        run_sweep(sweep(idle), now=NOW + timedelta(seconds=5))
    assert len(statements) <= 6, statements.report()
