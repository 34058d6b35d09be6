"""The reaper on real rows: absence, mass loss, hosts, reboots, exit records, races, cost (spec/3 A, DESIGN 5)."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from agents.vocabulary import AdapterType
from heartbeats.execution import rundir
from heartbeats.execution.identity import current_boot_id, identify
from heartbeats.execution.orders import attempt_name
from heartbeats.models import HeartbeatRun
from heartbeats.runs.leases import HeldRun, renew_leases
from heartbeats.vocabulary import RunStatus
from issues.models import Issue
from issues.vocabulary import IssueStatus
from recovery.audit.run import audit
from recovery.models import MassLossIncident, SweepRun, SweepState
from recovery.orphans.incidents import confirm_incident
from recovery.orphans.verdict import judge_run
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, dry_run, run_sweep
from recovery.vocabulary import SweepName
from tests.factories.agents import AgentFactory, CompanyFactory, UserFactory
from tests.factories.heartbeats import HeartbeatRunFactory, running_run
from tests.factories.issues import assigned_to
from tests.racing import race
from tests.recovery.seed_rows import DEAD_PID, lost_run, present, reap
from tests.statements import counted

pytestmark = pytest.mark.django_db

REAPER = sweep_named(SweepName.REAP_ORPHANS)


def elsewhere(*, expired: float = 60, **columns: Any) -> HeartbeatRun:
    """A run of another host whose lease ran out so many seconds ago (negative: still holds)."""
    given = {"executor_host": "far", "executor_boot_id": "other", "process_pid": 1}
    lease = timezone.now() - timedelta(seconds=expired)
    return running_run(lease_expires_at=lease, **{**given, **columns})


def status_of(run: HeartbeatRun) -> str:
    return str(HeartbeatRun.objects.values_list("status", flat=True).get(pk=run.pk))


def test_another_hosts_run_is_lost_by_its_lease_alone() -> None:
    gone, held = elsewhere(expired=1), elsewhere(expired=-30)
    assert reap().results.ids == (gone.pk,)
    assert (status_of(gone), status_of(held)) == ("failed", "running")
    assert HeartbeatRun.objects.get(pk=gone.pk).events.get().payload is not None


def test_a_first_pass_condemns_nobody_by_lease_and_extends_every_lease() -> None:
    run = elsewhere()
    report = run_sweep(REAPER)
    assert report.results.skipped == {"withheld_after_absence": 1}
    assert "no earlier pass" in str(report.details["absence"])
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING
    assert run.lease_expires_at is not None
    assert run.lease_expires_at > timezone.now() + timedelta(seconds=50)


def test_a_gap_of_its_own_condemns_nobody_and_the_next_pass_does() -> None:
    SweepState.objects.create(sweep="reap_orphans", last_succeeded_at=timezone.now() - timedelta(seconds=40))
    run = elsewhere()
    assert run_sweep(REAPER).results.acted == 0
    HeartbeatRun.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert run_sweep(REAPER).results.ids == (run.pk,)


def test_a_judge_that_is_always_late_judges_again_after_three_passes() -> None:
    SweepState.objects.create(sweep="reap_orphans", last_succeeded_at=timezone.now() - timedelta(seconds=20))
    acted = []
    for _ in range(4):
        elsewhere()
        HeartbeatRun.objects.filter(status="running").update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        acted.append(run_sweep(REAPER).results.acted)
        SweepState.objects.update(last_succeeded_at=timezone.now() - timedelta(seconds=20))
    assert acted[:3] == [0, 0, 0]
    assert acted[3] > 0


def test_evidence_of_this_host_acts_also_after_an_absence() -> None:
    rows = lost_run(process_pid=DEAD_PID)
    assert run_sweep(REAPER).results.ids == (rows.run.pk,)


def test_a_watched_run_of_this_host_is_none_of_its_business() -> None:
    lost_run(process_pid=DEAD_PID, lease_expires_at=timezone.now() + timedelta(seconds=55))
    assert reap().results.looked_at == 0


def test_an_unwatched_run_of_this_host_is_judged_before_its_lease_ends() -> None:
    rows = lost_run(process_pid=DEAD_PID, lease_expires_at=timezone.now() + timedelta(seconds=30))
    assert reap().results.ids == (rows.run.pk,)


def test_a_run_between_claim_and_spawn_is_covered_by_its_lease() -> None:
    rows = lost_run(lease_expires_at=timezone.now() + timedelta(seconds=30))
    assert reap().results.skipped == {"lease_held": 1}
    assert rows.again().run.status == "running"


def test_a_claim_that_was_never_spawned_goes_back_once_and_is_lost_the_second_time(
    settings: Any, tmp_path: Path
) -> None:
    settings.RUNS_DIR = tmp_path
    rows = lost_run()
    assert reap().counts == {"requeued": 1}
    rows.again()
    assert (rows.run.status, rows.run.retry_reason) == ("queued", None)
    again = rows.run
    HeartbeatRun.objects.filter(pk=again.pk).update(
        status="running",
        epoch=2,
        started_at=timezone.now(),
        executor_host=settings.HOST_ID,
        executor_boot_id=current_boot_id(),
        lease_expires_at=timezone.now() - timedelta(seconds=5),
    )
    assert reap().counts == {"reaped": 1}
    assert rows.again().run.status == "failed"


def test_a_reboot_ends_every_run_of_the_earlier_boot_at_once_and_signals_nobody() -> None:
    me = identify(__import__("os").getpid())
    assert me is not None
    rows = lost_run(
        executor_boot_id="an earlier boot",
        process_pid=me.pid,
        process_group_id=me.pid,
        process_start_ticks=me.start_ticks,
        lease_expires_at=timezone.now() + timedelta(seconds=55),
    )
    assert reap().results.ids == (rows.run.pk,)
    event = rows.run.events.order_by("-seq")[0]
    assert event.payload is not None
    assert event.payload["evidence"] == "host_rebooted"


def test_a_recycled_pid_is_not_our_process_and_stays_alive() -> None:
    me = identify(__import__("os").getpid())
    assert me is not None
    rows = lost_run(process_pid=me.pid, process_start_ticks=me.start_ticks - 1)
    assert reap().results.ids == (rows.run.pk,)
    assert "another process" in (rows.again().run.error or "")


def test_a_silent_remote_agents_run_ends_agent_lost_and_is_tried_again() -> None:
    agent = AgentFactory(adapter_type=AdapterType.REMOTE)
    issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
    run = running_run(agent=agent, issue=issue, lease_expires_at=timezone.now() - timedelta(seconds=1))
    Issue.objects.filter(pk=issue.pk).update(execution_run=run)
    assert reap().results.ids == (run.pk,)
    run.refresh_from_db()
    retry = HeartbeatRun.objects.exclude(pk=run.pk).get()
    assert (run.status, run.error_code, retry.failure_retry_count) == ("failed", "agent_lost", 1)


def test_a_run_that_killed_its_supervisor_three_times_is_parked_not_tried_again() -> None:
    rows = lost_run(process_pid=DEAD_PID, supervisor_losses=3)
    assert reap().counts == {"parked": 1}
    rows.again()
    assert (rows.run.status, rows.run.error_code, rows.other_runs) == ("failed", "poison", [])
    assert "parked" in (rows.run.error or "")


def test_a_parked_runs_issue_goes_to_people_with_what_happened(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    rows = lost_run(process_pid=DEAD_PID, supervisor_losses=3)
    with django_capture_on_commit_callbacks(execute=True):
        reap()
    rows.again()
    assert rows.issue.status == IssueStatus.BLOCKED
    recovery = Issue.objects.get(origin_kind="stranded_issue_recovery")
    assert "ended its supervisor 3 times" in (recovery.description or "")
    assert [run.issue_id for run in rows.other_runs] == [recovery.pk]
    assert audit() == []


def attempt_on_disk(root: Path, run: HeartbeatRun, exit_code: int) -> None:
    directory = rundir.create(root, attempt_name(run.pk, run.epoch))
    directory.log_path.write_bytes(b"")
    boot = current_boot_id()
    directory.write_record(
        "process.json",
        {
            "run_id": str(run.pk),
            "marker": directory.name,
            "boot_id": boot,
            "shim_pid": DEAD_PID,
            "shim_start_ticks": 1,
            "child_pid": DEAD_PID,
            "child_start_ticks": 1,
            "pgid": DEAD_PID,
            "sid": DEAD_PID,
            "started_at": 1.0,
        },
    )
    directory.write_record(
        "exit.json",
        {
            "run_id": str(run.pk),
            "exit_code": exit_code,
            "signal": None,
            "reason": None,
            "started_at": 1.0,
            "ended_at": 2.0,
            "log_bytes": 0,
            "log_sha256": "",
            "truncated": None,
            "output_bytes": {"stdout": 0, "stderr": 0},
            "last_output_at": {"stdout": None, "stderr": None},
            "descendants_alive": False,
            "pipes_held": False,
        },
    )


def test_a_run_that_left_an_exit_record_is_finalised_with_its_true_code_not_lost(settings: Any, tmp_path: Path) -> None:
    settings.RUNS_DIR = tmp_path
    rows = lost_run(process_pid=DEAD_PID)
    attempt_on_disk(tmp_path, rows.run, exit_code=0)
    assert reap().counts == {"finalised": 1}
    rows.again()
    assert (rows.run.status, rows.run.exit_code) == ("succeeded", 0)
    assert not HeartbeatRun.objects.filter(retry_of_run=rows.run, retry_reason="process_lost").exists()
    assert audit() == []


def test_a_run_that_its_host_stopped_for_want_of_a_lease_goes_back_without_a_retry_though_its_supervisor_died(
    settings: Any, tmp_path: Path
) -> None:
    settings.RUNS_DIR = tmp_path
    rows = lost_run(process_pid=DEAD_PID)
    attempt_on_disk(tmp_path, rows.run, exit_code=143)
    assert rundir.create(tmp_path, attempt_name(rows.run.pk, rows.run.epoch)).give_up()
    assert reap().counts == {"requeued": 1}
    rows.again()
    assert (rows.run.status, rows.run.process_loss_retry_count, rows.other_runs) == ("queued", 0, [])
    assert rows.issue.execution_run_id == rows.run.pk


def test_one_dead_host_among_many_healthy_ones_is_judged_but_most_at_once_is_an_incident() -> None:
    company = CompanyFactory()
    runs = [elsewhere(agent=AgentFactory(company=company)) for _ in range(9)]
    elsewhere(agent=AgentFactory(company=company), expired=-30)
    report = reap()
    assert report.results.skipped == {"withheld_mass_loss": 9}
    incident = MassLossIncident.objects.get()
    assert (incident.live_leases, incident.due_leases, incident.status) == (10, 9, "open")
    assert reap().results.acted == 0
    assert MassLossIncident.objects.count() == 1
    assert {status_of(run) for run in runs} == {"running"}


def test_a_confirmed_mass_loss_is_released_at_a_limited_rate_oldest_first_and_then_closed() -> None:
    company = CompanyFactory()
    runs = [elsewhere(agent=AgentFactory(company=company), expired=60 + n) for n in range(12)]
    reap()
    incident = MassLossIncident.objects.get()
    person = UserFactory()
    assert confirm_incident(incident.pk, user_id=person.pk, now=timezone.now())
    assert not confirm_incident(incident.pk, user_id=person.pk, now=timezone.now())
    first = reap()
    assert set(first.results.ids) == {run.pk for run in runs[-5:]}
    assert reap().results.acted == 0
    MassLossIncident.objects.update(last_released_at=timezone.now() - timedelta(seconds=20))
    assert reap().results.acted == 5
    MassLossIncident.objects.update(last_released_at=timezone.now() - timedelta(seconds=20))
    assert reap().results.acted == 2
    incident.refresh_from_db()
    assert (incident.status, incident.released, incident.confirmed_by_id) == ("closed", 10, person.pk)


def test_a_renewal_that_arrives_while_the_judge_deliberates_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    run = elsewhere()
    from recovery.orphans import reaping

    def slow_judge(*facts: Any) -> Any:
        verdict = judge_run(*facts)
        renew_leases("far", "other", [HeldRun(run.pk, run.epoch)], 60)
        return verdict

    monkeypatch.setattr(reaping, "judge_run", slow_judge)
    assert reap().results.skipped == {"lost_race": 1}
    assert status_of(run) == "running"


def test_a_dry_run_names_the_verdicts_and_changes_nothing() -> None:
    rows = lost_run(process_pid=DEAD_PID)
    elsewhere()
    present()
    report = dry_run(REAPER)
    assert report.counts == {"LoseAndRetry": 2} or report.counts == {"LoseAndRetry": 1, "Lose": 1}
    assert rows.again().run.status == "running"
    assert not SweepRun.objects.exists()
    SweepState.objects.all().delete()
    assert dry_run(REAPER).results.acted == 1
    lease: datetime | None = HeartbeatRun.objects.order_by("lease_expires_at")[0].lease_expires_at
    assert lease is not None
    assert lease < timezone.now()


def two_hundred(**columns: Any) -> list[UUID]:
    company = CompanyFactory()
    ids = []
    for _ in range(20):
        agent = AgentFactory(company=company, max_concurrent_runs=10)
        ids += [lost_run(agent=agent, process_pid=DEAD_PID, **columns).run.pk for _ in range(10)]
    return ids


@pytest.mark.django_db(transaction=True)
def test_eight_sweeps_give_two_hundred_dead_runs_one_verdict_each() -> None:
    ids = two_hundred()
    present()
    reports: list[SweepReport] = race([lambda: run_sweep(REAPER)] * 8)
    assert sum(report.counts.get("reaped", 0) for report in reports) == 200
    assert HeartbeatRun.objects.filter(pk__in=ids, status="failed").count() == 200
    assert HeartbeatRun.objects.filter(retry_of_run__in=ids).count() == 200
    assert audit() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("spent", [0, 1], ids=["retried", "recovered"])
def test_a_dead_run_costs_a_bounded_number_of_statements(spent: int) -> None:
    agent = AgentFactory(max_concurrent_runs=10)
    for _ in range(10):
        lost_run(agent=agent, process_pid=DEAD_PID, process_loss_retry_count=spent)
    present()
    with counted() as statements:
        assert run_sweep(REAPER).counts == {"reaped": 10}
    assert len(statements) <= 10 * 36 + 10, statements.report()


@pytest.mark.django_db(transaction=True)
def test_watched_runs_cost_no_statement() -> None:
    agent = AgentFactory()
    for _ in range(30):
        running_run(agent=agent, executor_host=settings.HOST_ID, executor_boot_id=current_boot_id())
    HeartbeatRunFactory(agent=agent)
    reap()
    present()
    with counted() as statements:
        run_sweep(REAPER)
    assert len(statements) <= 8, statements.report()


@pytest.mark.django_db(transaction=True)
def test_an_escalated_dead_run_costs_a_bounded_number_of_statements() -> None:
    agent = AgentFactory(max_concurrent_runs=10)
    for _ in range(10):
        lost_run(
            agent=agent,
            process_pid=DEAD_PID,
            process_loss_retry_count=1,
            retry_reason="issue_continuation_needed",
        )
    present()
    with counted() as statements:
        assert run_sweep(REAPER).counts == {"reaped": 10}
    assert Issue.objects.filter(origin_kind="stranded_issue_recovery").count() == 10
    assert len(statements) <= 10 * 28 + 10, statements.report()
