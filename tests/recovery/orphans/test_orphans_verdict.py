from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.vocabulary import AdapterType
from heartbeats.vocabulary import ErrorCode
from recovery.orphans.facts import TRACKED_LOCAL_ADAPTERS, Observer, ProcessVerdict, RunFacts
from recovery.orphans.verdict import (
    POISON_KILL_LIMIT,
    Adopt,
    DetachAndAdopt,
    Evidence,
    FinaliseFromRecord,
    GiveBack,
    Keep,
    Lose,
    LoseAndRetry,
    Park,
    RequeueUnspawned,
    TerminateGroup,
    judge_run,
)

NOW = datetime(2026, 3, 19, 12, 0, tzinfo=UTC)
HERE = Observer(host="alpha", boot_id="boot-1", now=NOW)
HELD = NOW + timedelta(seconds=30)
EXPIRED = NOW - timedelta(seconds=1)

RUN = RunFacts(
    run_id="r1",
    adapter_type="codex_local",
    executor_host="alpha",
    executor_boot_id="boot-1",
    lease_expires_at=EXPIRED,
    process_pid=4711,
    process_group_id=4711,
    process=ProcessVerdict.GONE,
)


def test_a_living_process_without_a_lease_is_marked_with_its_pid_and_adopted() -> None:
    verdict = judge_run(replace(RUN, process=ProcessVerdict.ALIVE), HERE)
    assert isinstance(verdict, DetachAndAdopt)
    assert verdict.pid == 4711
    assert "4711" in verdict.text


def test_the_detached_mark_is_set_once() -> None:
    verdict = judge_run(replace(RUN, process=ProcessVerdict.ALIVE, marked_detached=True), HERE)
    assert isinstance(verdict, Adopt)


def test_a_living_process_under_a_held_lease_is_kept() -> None:
    verdict = judge_run(replace(RUN, process=ProcessVerdict.ALIVE, lease_expires_at=HELD), HERE)
    assert verdict == Keep(Evidence.LEASE_HELD, verdict.text)


def test_a_run_without_host_or_lease_is_judged_by_its_process() -> None:
    bare = replace(RUN, executor_host=None, executor_boot_id=None, lease_expires_at=None)
    assert isinstance(judge_run(bare, HERE), LoseAndRetry)
    assert isinstance(judge_run(replace(bare, process=ProcessVerdict.ALIVE), HERE), DetachAndAdopt)


@pytest.mark.parametrize("lease", [HELD, EXPIRED, None])
def test_positive_evidence_acts_at_once_whatever_the_lease_says(lease: datetime | None) -> None:
    verdict = judge_run(replace(RUN, lease_expires_at=lease), HERE)
    assert isinstance(verdict, LoseAndRetry)
    assert verdict.code == ErrorCode.PROCESS_LOST
    assert verdict.evidence is Evidence.PROCESS_GONE
    assert verdict.text.endswith("; retrying once")


@pytest.mark.parametrize("adapter", sorted(TRACKED_LOCAL_ADAPTERS))
def test_every_tracked_local_adapter_is_retried_once(adapter: str) -> None:
    assert isinstance(judge_run(replace(RUN, adapter_type=adapter), HERE), LoseAndRetry)
    assert isinstance(judge_run(replace(RUN, adapter_type=adapter, process_loss_retries=1), HERE), Lose)


def test_an_untracked_adapter_is_lost_without_retry() -> None:
    verdict = judge_run(replace(RUN, adapter_type="http"), HERE)
    assert isinstance(verdict, Lose)
    assert "retrying" not in verdict.text


def test_a_group_alone_is_enough_to_retry() -> None:
    verdict = judge_run(replace(RUN, process_pid=None), HERE)
    assert isinstance(verdict, LoseAndRetry)
    assert "process group 4711" in verdict.text


def test_a_living_group_behind_a_dead_leader_is_terminated_first() -> None:
    verdict = judge_run(replace(RUN, group_alive=True), HERE)
    assert isinstance(verdict, TerminateGroup)
    assert verdict.group_id == 4711
    assert isinstance(verdict.then, LoseAndRetry)
    assert "descendant process group" in verdict.text
    assert verdict.evidence is Evidence.PROCESS_GONE


def test_an_exit_record_means_the_run_was_not_lost() -> None:
    assert isinstance(judge_run(replace(RUN, exit_record=True), HERE), FinaliseFromRecord)


@pytest.mark.parametrize(
    "ended", [{"exit_record": True}, {"process": ProcessVerdict.GONE}], ids=["record", "no_record"]
)
def test_what_its_own_host_stopped_for_want_of_a_lease_is_given_back_and_spends_nothing(ended: dict[str, Any]) -> None:
    verdict = judge_run(replace(RUN, given_up=True, process_loss_retries=1, executor_kills=3, **ended), HERE)
    assert verdict == GiveBack(Evidence.GIVEN_UP, verdict.text)


def test_a_process_that_is_to_be_stopped_but_lives_is_not_given_back_yet() -> None:
    assert isinstance(judge_run(replace(RUN, given_up=True, process=ProcessVerdict.ALIVE), HERE), DetachAndAdopt)


def test_what_was_left_of_a_stopped_group_is_ended_before_it_is_given_back() -> None:
    verdict = judge_run(replace(RUN, given_up=True, group_alive=True), HERE)
    assert isinstance(verdict, TerminateGroup)
    assert isinstance(verdict.then, GiveBack)


def test_an_exit_record_beats_a_process_that_has_not_quite_gone() -> None:
    verdict = judge_run(replace(RUN, exit_record=True, process=ProcessVerdict.ALIVE, group_alive=True), HERE)
    assert isinstance(verdict, FinaliseFromRecord)


def test_descendants_left_behind_an_exit_record_are_terminated() -> None:
    verdict = judge_run(replace(RUN, exit_record=True, group_alive=True), HERE)
    assert isinstance(verdict, TerminateGroup)
    assert isinstance(verdict.then, FinaliseFromRecord)


def test_a_recycled_pid_is_gone_and_nothing_is_signalled() -> None:
    verdict = judge_run(replace(RUN, process=ProcessVerdict.RECYCLED, group_alive=True), HERE)
    assert isinstance(verdict, LoseAndRetry)
    assert verdict.evidence is Evidence.PID_RECYCLED


def test_a_recycled_pid_with_an_exit_record_is_finalised_and_nothing_is_signalled() -> None:
    facts = replace(RUN, process=ProcessVerdict.RECYCLED, group_alive=True, exit_record=True)
    assert isinstance(judge_run(facts, HERE), FinaliseFromRecord)


def test_another_boot_loses_at_once_and_signals_nothing() -> None:
    facts = replace(
        RUN, executor_boot_id="boot-0", process=ProcessVerdict.ALIVE, group_alive=True, lease_expires_at=HELD
    )
    verdict = judge_run(facts, HERE)
    assert isinstance(verdict, LoseAndRetry)
    assert verdict.evidence is Evidence.HOST_REBOOTED


def test_an_exit_record_survives_a_reboot() -> None:
    assert isinstance(judge_run(replace(RUN, executor_boot_id="boot-0", exit_record=True), HERE), FinaliseFromRecord)


def test_another_hosts_pid_is_never_judged_here() -> None:
    foreign = replace(RUN, executor_host="beta", executor_boot_id="boot-9", group_alive=True, lease_expires_at=HELD)
    assert isinstance(judge_run(foreign, HERE), Keep)
    verdict = judge_run(replace(foreign, lease_expires_at=EXPIRED), HERE)
    assert isinstance(verdict, LoseAndRetry)
    assert verdict.evidence is Evidence.LEASE_EXPIRED
    assert verdict.evidence.by_absence


def test_a_lease_that_ends_now_has_ended() -> None:
    foreign = replace(RUN, executor_host="beta", lease_expires_at=NOW)
    assert not isinstance(judge_run(foreign, HERE), Keep)


UNSPAWNED = replace(RUN, process_pid=None, process_group_id=None, process=ProcessVerdict.UNOBSERVED)


def test_the_moment_between_claim_and_spawn_is_covered_by_the_lease() -> None:
    assert isinstance(judge_run(replace(UNSPAWNED, lease_expires_at=HELD), HERE), Keep)


def test_a_claim_that_never_spawned_is_requeued_once_without_a_retry() -> None:
    assert isinstance(judge_run(UNSPAWNED, HERE), RequeueUnspawned)
    assert isinstance(judge_run(replace(UNSPAWNED, unspawned_requeues=1), HERE), Lose)


def test_a_claim_that_a_reboot_overtook_is_requeued_once_without_a_retry() -> None:
    rebooted = replace(UNSPAWNED, executor_boot_id="boot-0", lease_expires_at=HELD)
    verdict = judge_run(rebooted, HERE)
    assert isinstance(verdict, RequeueUnspawned)
    assert verdict.evidence is Evidence.HOST_REBOOTED
    assert isinstance(judge_run(replace(rebooted, unspawned_requeues=1), HERE), Lose)


def test_a_process_that_was_never_recorded_cannot_be_gone() -> None:
    facts = replace(UNSPAWNED, process=ProcessVerdict.GONE, lease_expires_at=HELD)
    assert isinstance(judge_run(facts, HERE), Keep)


def test_a_running_row_without_any_execution_facts_is_lost_without_retry() -> None:
    verdict = judge_run(RunFacts(run_id="r1", adapter_type="codex_local"), HERE)
    assert isinstance(verdict, Lose)
    assert verdict.evidence is Evidence.NO_LEASE


def test_a_silent_remote_agent_ends_agent_lost() -> None:
    remote = RunFacts(run_id="r1", adapter_type=AdapterType.REMOTE, lease_expires_at=EXPIRED)
    verdict = judge_run(remote, HERE)
    assert isinstance(verdict, Lose)
    assert verdict.code == ErrorCode.AGENT_LOST
    assert verdict.text.startswith("Agent lost")
    assert isinstance(judge_run(replace(remote, lease_expires_at=HELD), HERE), Keep)


def test_a_run_that_kills_its_supervisor_three_times_is_parked() -> None:
    verdict = judge_run(replace(RUN, executor_kills=POISON_KILL_LIMIT), HERE)
    assert isinstance(verdict, Park)
    assert verdict.code == ErrorCode.POISON
    assert isinstance(judge_run(replace(RUN, executor_kills=POISON_KILL_LIMIT - 1), HERE), LoseAndRetry)


facts_strategy = st.builds(
    RunFacts,
    run_id=st.just("r1"),
    adapter_type=st.sampled_from([*sorted(TRACKED_LOCAL_ADAPTERS), "http", AdapterType.REMOTE]),
    executor_host=st.sampled_from([None, "alpha", "beta"]),
    executor_boot_id=st.sampled_from([None, "boot-0", "boot-1"]),
    lease_expires_at=st.sampled_from([None, HELD, EXPIRED]),
    process_pid=st.sampled_from([None, 4711]),
    process_group_id=st.sampled_from([None, 4711]),
    process=st.sampled_from(list(ProcessVerdict)),
    group_alive=st.booleans(),
    exit_record=st.booleans(),
    marked_detached=st.booleans(),
    process_loss_retries=st.integers(0, 2),
    unspawned_requeues=st.integers(0, 2),
    executor_kills=st.integers(0, 4),
)


@given(facts_strategy)
def test_every_verdict_carries_its_evidence_in_words(facts: RunFacts) -> None:
    verdict = judge_run(facts, HERE)
    assert verdict.text
    assert verdict.evidence in Evidence


@given(facts_strategy)
def test_nothing_is_signalled_without_proof_that_it_is_ours(facts: RunFacts) -> None:
    if isinstance(judge_run(facts, HERE), TerminateGroup):
        assert facts.executor_host in (None, "alpha")
        assert facts.executor_boot_id in (None, "boot-1")
        assert facts.process in {ProcessVerdict.GONE, ProcessVerdict.UNOBSERVED}
        assert facts.group_alive


@given(facts_strategy)
def test_an_exhausted_retry_is_never_spent_again(facts: RunFacts) -> None:
    verdict = judge_run(replace(facts, process_loss_retries=1), HERE)
    ending = verdict.then if isinstance(verdict, TerminateGroup) else verdict
    assert not isinstance(ending, LoseAndRetry)


@given(facts_strategy)
def test_silence_under_a_held_lease_condemns_nobody(facts: RunFacts) -> None:
    verdict = judge_run(replace(facts, lease_expires_at=HELD), HERE)
    assert not verdict.evidence.by_absence


@given(facts_strategy)
def test_a_living_process_of_this_boot_is_never_lost_here(facts: RunFacts) -> None:
    ours = replace(
        facts,
        adapter_type="codex_local",
        executor_host="alpha",
        executor_boot_id="boot-1",
        process=ProcessVerdict.ALIVE,
        exit_record=False,
    )
    assert isinstance(judge_run(ours, HERE), Keep | Adopt | DetachAndAdopt)
