from __future__ import annotations

from heartbeats import vocabulary
from heartbeats.vocabulary import LivenessState, RunStatus, WakeReason, WakeupStatus


def test_live_and_terminal_run_statuses_split_the_list() -> None:
    assert sorted([*RunStatus.LIVE, *RunStatus.TERMINAL]) == sorted(RunStatus)
    assert not set(RunStatus.LIVE) & set(RunStatus.TERMINAL)


def test_unsuccessful_is_terminal_without_succeeded() -> None:
    assert set(RunStatus.TERMINAL) - set(RunStatus.UNSUCCESSFUL) == {"succeeded"}


def test_open_and_closed_wakeup_statuses_split_the_list() -> None:
    assert sorted([*WakeupStatus.OPEN, *WakeupStatus.CLOSED]) == sorted(WakeupStatus)


def test_every_named_subset_only_holds_words_of_its_list() -> None:
    for words, names in {
        RunStatus: ("LIVE", "TERMINAL", "UNSUCCESSFUL"),
        WakeReason: ("INTERACTION", "NEEDS_FOLLOWUP", "OWES_COMMENT", "FRESH_SESSION"),
        LivenessState: ("CONTINUABLE", "PRODUCTIVE"),
        vocabulary.ErrorCode: ("TRANSIENT_UPSTREAM",),
        vocabulary.ErrorFamily: ("PERMANENT",),
    }.items():
        for name in names:
            assert set(getattr(words, name)) <= {word.value for word in words}, name


def test_members_are_found_in_subsets_of_plain_strings() -> None:
    assert RunStatus.QUEUED in RunStatus.LIVE
    assert RunStatus.FAILED not in RunStatus.LIVE
