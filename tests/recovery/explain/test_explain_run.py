from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.vocabulary import RunStatus
from recovery.explain.answer import Standing, WaitsFor
from recovery.explain.run import Gate, RunToExplain, explain_run
from recovery.orphans.facts import Observer, ProcessVerdict, RunFacts
from recovery.retries.promotion import ParkedRetry, RetriedIssue
from recovery.silence.level import SilenceFacts

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
RUN = RunToExplain("running", "Ada", NOW - 3 * HOUR, started_at=NOW - 2 * HOUR)


def test_a_running_run_says_who_runs_it_and_since_when() -> None:
    answer = explain_run(RUN, now=NOW)
    assert (answer.standing, answer.since) == (Standing.MOVING, NOW - 2 * HOUR)
    assert "Ada" in answer.text


def test_a_silent_run_shows_its_silence_before_any_sweep_acts() -> None:
    silent = replace(RUN, silence=SilenceFacts("running", NOW - 3 * HOUR, last_output_at=NOW - HOUR))
    answer = explain_run(silent, now=NOW)
    assert (answer.code, answer.since) == ("running_suspicious", NOW - HOUR)


def test_a_run_that_the_reaper_will_take_says_so_with_its_evidence() -> None:
    execution = RunFacts("r", "process", "alpha", "b", NOW + HOUR, 7, 7, ProcessVerdict.GONE)
    answer = explain_run(replace(RUN, execution=execution, observer=Observer("alpha", "b", NOW)), now=NOW)
    assert (answer.standing, answer.code) == (Standing.SWEEP, "reaper_process_gone")
    assert "pid 7" in answer.text
    alive = replace(execution, process=ProcessVerdict.ALIVE)
    answer = explain_run(replace(RUN, execution=alive, observer=Observer("alpha", "b", NOW)), now=NOW)
    assert answer.standing is Standing.MOVING


PARKED = replace(RUN, status="scheduled_retry", retry=ParkedRetry("r", "a", NOW + HOUR, attempt=2))


def test_a_parked_retry_names_its_time_and_attempt() -> None:
    answer = explain_run(PARKED, now=NOW)
    assert (answer.code, answer.until, answer.waits_for) == ("scheduled_retry", NOW + HOUR, WaitsFor.TIME)
    assert "attempt 2" in answer.text


def test_a_due_retry_waits_for_the_sweep() -> None:
    answer = explain_run(PARKED, now=NOW + HOUR)
    assert (answer.standing, answer.code) == (Standing.SWEEP, "retry_due")


def test_a_stale_retry_is_announced_before_it_is_cancelled() -> None:
    answer = explain_run(replace(PARKED, retried_issue=RetriedIssue("i", "todo", "b")), now=NOW)
    assert answer.code == "issue_reassigned"


def test_a_queued_run_names_the_gate_that_holds_it() -> None:
    queued = replace(RUN, status="queued")
    assert explain_run(queued, now=NOW).standing is Standing.SWEEP
    answer = explain_run(replace(queued, gate=Gate("slots_full", "Waits for a free slot of Ada.")), now=NOW)
    assert (answer.code, answer.standing, answer.since) == ("slots_full", Standing.WAITING, NOW - 3 * HOUR)


@pytest.mark.parametrize("status", RunStatus.TERMINAL)
def test_an_ended_run_says_how_and_what_followed(status: str) -> None:
    ended = replace(RUN, status=status, finished_at=NOW, error_code="process_lost", followed_by="run-2")
    answer = explain_run(ended, now=NOW)
    assert (answer.standing, answer.code, answer.since) == (Standing.CLOSED, status, NOW)
    assert "process_lost" in answer.text
    assert "run-2" in answer.text


@given(
    status=st.sampled_from([*RunStatus, "odd"]),
    retry=st.none() | st.just(PARKED.retry),
    gate=st.none() | st.just(Gate("g", "A gate.")),
    silence=st.none() | st.just(SilenceFacts("running", NOW - 9 * HOUR)),
    offset=st.integers(-9, 9),
)
def test_every_run_has_an_answer_in_words(
    status: str, retry: ParkedRetry | None, gate: Gate | None, silence: SilenceFacts | None, offset: int
) -> None:
    facts = replace(RUN, status=status, retry=retry, gate=gate, silence=silence)
    answer = explain_run(facts, now=NOW + offset * HOUR)
    assert answer.text.endswith(".")
    assert answer.code
    assert set(answer.as_dict()) == {"standing", "code", "text", "waits_for", "since", "until", "notes"}
