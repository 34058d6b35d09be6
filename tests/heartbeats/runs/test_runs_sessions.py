from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.sessions import (
    NO_SESSION,
    SavedTaskSession,
    SessionState,
    choose_session,
    explicit_session,
    next_session,
    reset_reason,
    resume_of_run,
    session_before,
)

OLD = SessionState({"sessionId": "old"}, "old", "old")
SAVED = SavedTaskSession({"sessionId": "t1", "cwd": "/w"}, "t1", "r0")
EXPLICIT = {"resumeSessionParams": {"sessionId": "e1"}, "resumeSessionDisplayId": "e1"}


def choose(context: Any, task_key: str | None = "i1", saved: SavedTaskSession | None = SAVED) -> Any:
    return choose_session(context, task_key=task_key, task_session=saved, runtime_session_id="rt")


@pytest.mark.parametrize(
    "reason",
    ["issue_assigned", "execution_review_requested", "execution_approval_requested", "execution_changes_requested"],
)
def test_these_wakes_start_afresh_and_say_why(reason: str) -> None:
    choice = choose({"wakeReason": reason})
    assert choice.session == NO_SESSION
    assert choice.reset_reason == f"wake reason is {reason}"


def test_a_fresh_session_can_be_asked_for() -> None:
    assert reset_reason({"forceFreshSession": True}) == "forceFreshSession was requested"
    assert reset_reason({"forceFreshSession": "yes"}) is None
    assert reset_reason({"wakeReason": ["issue_assigned"]}) is None


def test_other_wakes_resume_the_task_session() -> None:
    choice = choose({"wakeReason": "issue_commented"})
    assert choice.session == SessionState({"sessionId": "t1", "cwd": "/w"}, "t1", "t1")
    assert choice.task_session_reused


@pytest.mark.parametrize("context", [{}, {"wakeReason": "issue_assigned"}, {"forceFreshSession": True}])
def test_explicit_resume_beats_the_task_session_and_a_reset(context: Any) -> None:
    choice = choose({**context, **EXPLICIT})
    assert choice.session == SessionState({"sessionId": "e1"}, "e1", "e1")
    assert choice.reset_reason is None


def test_the_runtime_session_only_serves_runs_without_task_key() -> None:
    assert choose({}, None, None).session == SessionState(None, "rt", "rt")
    assert choose({}, "i1", None).session == NO_SESSION
    assert choose({"forceFreshSession": True}, None, None).session == NO_SESSION


def test_the_session_before_is_known_when_the_run_is_queued() -> None:
    known: dict[str, Any] = {"task_session": SAVED, "runtime_session_id": "rt"}
    assert session_before(EXPLICIT, task_key="i1", **known) == "e1"
    assert session_before({}, task_key="i1", **known) == "t1"
    assert session_before({}, task_key=None, **known) == "rt"
    assert session_before({}, task_key="i1", task_session=None, runtime_session_id="rt") is None


def test_an_explicit_id_alone_is_a_session() -> None:
    assert explicit_session({"resumeSessionDisplayId": "e1"}) == SessionState({"sessionId": "e1"}, "e1", "e1")
    assert explicit_session({"resumeSessionParams": {}}) is None
    assert explicit_session({}) is None


@pytest.mark.parametrize(
    ("after", "before", "saved", "params", "display"),
    [
        ("s2", "s1", None, {"sessionId": "s2"}, "s2"),
        (None, "s1", None, {"sessionId": "s1"}, "s1"),
        (
            "s2",
            None,
            SavedTaskSession({"sessionId": "x", "cwd": "/w"}, "x", "r1"),
            {"sessionId": "x", "cwd": "/w"},
            "s2",
        ),
        (
            "s2",
            None,
            SavedTaskSession({"sessionId": "s2", "cwd": "/w"}, "s2", "r9"),
            {"sessionId": "s2", "cwd": "/w"},
            "s2",
        ),
        ("s2", None, SavedTaskSession({"sessionId": "s9"}, "s9", "r9"), {"sessionId": "s2"}, "s2"),
        (None, None, SavedTaskSession({"sessionId": "x"}, None, "r1"), {"sessionId": "x"}, "x"),
    ],
)
def test_resuming_a_run_takes_its_session(after: Any, before: Any, saved: Any, params: Any, display: str) -> None:
    state = resume_of_run(run_id="r1", session_id_before=before, session_id_after=after, task_session=saved)
    assert state is not None
    assert (state.params, state.display_id) == (params, display)


def test_a_run_without_session_cannot_be_resumed() -> None:
    assert resume_of_run(run_id="r1", session_id_before=None, session_id_after=None, task_session=None) is None
    foreign = SavedTaskSession({"sessionId": "x"}, "x", "r9")
    assert resume_of_run(run_id="r1", session_id_before=None, session_id_after=None, task_session=foreign) is None


@pytest.mark.parametrize(
    ("result", "state"),
    [
        ({}, OLD),
        ({"clearSession": True, "sessionId": "new"}, NO_SESSION),
        ({"sessionId": "new"}, SessionState({"sessionId": "new"}, "new", "new")),
        ({"sessionParams": {"sessionId": "p", "cwd": "/w"}}, SessionState({"sessionId": "p", "cwd": "/w"}, "p", "p")),
        ({"sessionParams": {"k": 1}, "sessionDisplayId": "d"}, SessionState({"k": 1}, "d", "d")),
        ({"sessionDisplayId": "d"}, SessionState({"sessionId": "old"}, "d", "old")),
        ({"sessionParams": {"k": 1}, "sessionId": "n", "sessionDisplayId": "d"}, SessionState({"k": 1}, "d", "n")),
        ({"sessionId": None}, NO_SESSION),
        ({"sessionParams": None}, NO_SESSION),
    ],
)
def test_the_next_session_is_what_the_adapter_names_or_the_previous(result: Any, state: SessionState) -> None:
    assert next_session(result, previous=OLD) == state


def test_the_id_for_people_is_cut_at_128_characters() -> None:
    state = next_session({"sessionId": "x" * 200}, previous=NO_SESSION)
    assert state.display_id == "x" * 128
    assert state.session_id == "x" * 200


VALUES = st.one_of(st.none(), st.just("new"), st.just(""), st.integers(), st.just({"sessionId": "new"}), st.just({}))
RESULTS = st.dictionaries(
    st.sampled_from(["sessionParams", "sessionId", "sessionDisplayId", "clearSession", "summary"]), VALUES
)


@given(RESULTS)
def test_after_a_rotation_the_dead_session_never_leaks_back(result: dict[str, Any]) -> None:
    state = next_session(result, previous=OLD, rotated=True)
    assert "old" not in (state.display_id, state.session_id, (state.params or {}).get("sessionId"))


@given(RESULTS)
def test_a_session_with_an_id_shows_one(result: dict[str, Any]) -> None:
    state = next_session(result, previous=OLD)
    assert (state.session_id is None) == (state.display_id is None)
    assert state.exists or state == NO_SESSION
