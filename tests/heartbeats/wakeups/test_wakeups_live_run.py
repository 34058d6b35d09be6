from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from heartbeats.vocabulary import ErrorCode, RunStatus
from heartbeats.wakeups.live_run import IssuePath, LiveRun, find_live_run, judge_retry

T0 = datetime(2026, 5, 1, tzinfo=UTC)


def run(run_id: str, status: str = "queued", agent_id: str = "a1", age_minutes: int = 0) -> LiveRun:
    return LiveRun(run_id, agent_id, status, T0 - timedelta(minutes=age_minutes))


def issue(status: str = "in_progress", assignee: str | None = "a1", lock: str | None = None) -> IssuePath:
    return IssuePath(status, assignee, lock)


def test_the_run_that_the_lock_names_comes_first() -> None:
    finding = find_live_run(issue(lock="r2"), [run("r1", "running", age_minutes=9), run("r2")])
    assert finding.live == run("r2")
    assert not finding.lock_changed


def test_a_lock_on_a_dead_run_is_cleared() -> None:
    finding = find_live_run(issue(lock="r1"), [run("r1", "failed")])
    assert finding.live is None
    assert (finding.lock_run_id, finding.lock_changed) == (None, True)


def test_a_lock_on_a_run_that_is_gone_is_cleared() -> None:
    assert find_live_run(issue(lock="r1"), []).lock_changed


def test_without_a_lock_a_running_run_is_adopted_before_an_older_queued_one() -> None:
    finding = find_live_run(issue(), [run("r1", age_minutes=9), run("r2", "running")])
    assert finding.live == run("r2", "running")
    assert (finding.lock_run_id, finding.lock_changed) == ("r2", True)


def test_among_waiting_runs_the_oldest_is_adopted() -> None:
    finding = find_live_run(issue(), [run("r1"), run("r2", age_minutes=5)])
    assert finding.live is not None
    assert finding.live.id == "r2"


def test_a_retry_of_a_former_assignee_is_cancelled_and_does_not_count() -> None:
    finding = find_live_run(issue(assignee="a2", lock="r1"), [run("r1", "scheduled_retry")])
    assert finding.live is None
    assert [(stale.run_id, stale.code) for stale in finding.stale] == [("r1", ErrorCode.ISSUE_REASSIGNED)]
    assert "reassigned" in finding.stale[0].reason
    assert finding.lock_run_id is None


def test_a_retry_of_a_cancelled_issue_is_cancelled_although_the_assignee_is_the_same() -> None:
    stale = judge_retry(run("r1", "scheduled_retry"), issue(status="cancelled"))
    assert stale is not None
    assert stale.code == ErrorCode.ISSUE_CANCELLED


def test_a_retry_of_the_assignee_counts_as_live() -> None:
    assert find_live_run(issue(), [run("r1", "scheduled_retry")]).live == run("r1", "scheduled_retry")


def test_behind_a_stale_retry_another_live_run_is_found() -> None:
    finding = find_live_run(issue(assignee="a2", lock="r1"), [run("r1", "scheduled_retry"), run("r2", agent_id="a2")])
    assert finding.live == run("r2", agent_id="a2")
    assert len(finding.stale) == 1


RUNS = st.lists(
    st.builds(
        run,
        st.sampled_from(["r1", "r2", "r3", "r4"]),
        st.sampled_from([status.value for status in RunStatus]),
        st.sampled_from(["a1", "a2"]),
        st.integers(0, 3),
    ),
    unique_by=lambda candidate: candidate.id,
    max_size=4,
)
ISSUES = st.builds(
    issue,
    st.sampled_from(["todo", "in_progress", "cancelled", "done"]),
    st.sampled_from([None, "a1", "a2"]),
    st.sampled_from([None, "r1", "r2", "gone"]),
)


@given(ISSUES, RUNS, st.randoms())
def test_the_finding_does_not_depend_on_the_order_of_candidates(
    path: IssuePath, runs: list[LiveRun], rnd: object
) -> None:
    shuffled = list(runs)
    rnd.shuffle(shuffled)  # type: ignore[attr-defined]
    assert find_live_run(path, runs) == find_live_run(path, shuffled)


@given(ISSUES, RUNS)
def test_every_live_run_is_kept_or_stale_and_the_lock_names_a_live_one(path: IssuePath, runs: list[LiveRun]) -> None:
    finding = find_live_run(path, runs)
    stale = {verdict.run_id for verdict in finding.stale}
    keepable = {candidate.id for candidate in runs if candidate.status in RunStatus.LIVE} - stale
    assert (finding.live is None) == (not keepable)
    assert finding.lock_run_id in keepable | {None}
    assert all(candidate.status == "scheduled_retry" for candidate in runs if candidate.id in stale)
