"""Rows 1 to 22 of the table of spec/6. Limits are seconds under the short timings of tests (lease 8 s)."""

from __future__ import annotations

from tests.chaos.fault import Fault, Speed
from tests.chaos.quick import messages, rows, verdicts
from tests.chaos.slow import hosts, outages

_ADOPTION = "tests/heartbeats/supervisor/test_supervisor_adoption.py::test_"
_STOPPING = "tests/heartbeats/supervisor/test_supervisor_stopping.py::test_"
_OUTAGES = "tests/heartbeats/supervisor/test_supervisor_outages.py::test_"
_OUTPUT = "tests/heartbeats/supervisor/test_supervisor_output.py::test_"
_REAPING = "tests/recovery/orphans/test_orphans_reaping.py::test_"
_RACING = "tests/heartbeats/runs/test_runs_racing.py::test_"
_LIVE = "tests/heartbeats/live/test_live_feed.py::test_"
_CONTRACT = "tests/heartbeats/intake/test_intake_contract.py::test_"
_REMOTE = "tests/heartbeats/intake/test_intake_end_to_end.py::test_"
_OPENAPI = "tests/heartbeats/intake/test_intake_openapi.py::test_"

FAULTS = (
    Fault(
        1,
        "supervisor killed ten times in a row while the command runs",
        "same child, no restart, whole log, true exit code",
        limit=60,
        function=outages.every_executor_killed,
        speed=Speed.SLOW,
        tests=(f"{_ADOPTION}ten_kills_of_the_supervisor_leave_the_same_child_the_whole_log_and_the_true_exit_code",),
    ),
    Fault(
        2,
        "supervisor, shim and child killed together",
        "the run is lost, exactly one retry",
        tests=(f"{_ADOPTION}when_supervisor_shim_and_child_are_killed_the_run_is_lost_and_retried_once",),
    ),
    Fault(
        3,
        "the child ends while no supervisor lives",
        "finalised from its exit record with the true code, not lost",
        tests=(f"{_ADOPTION}a_command_that_ended_while_nobody_lived_is_finalised_with_its_true_exit_code",),
    ),
    Fault(
        4,
        "death between claim and spawn, and between spawn and record",
        "queued again once, no second child, the stray found by its marker",
        tests=(
            f"{_STOPPING}a_claim_that_was_never_started_is_queued_again_once_and_then_lost",
            f"{_STOPPING}a_start_that_died_in_the_middle_is_queued_again_and_its_directory_cannot_be_used",
            f"{_STOPPING}a_stray_child_of_a_dead_start_is_found_by_its_marker_and_stopped",
        ),
    ),
    Fault(
        5,
        "of two hosts one is killed and started, the other reboots; old pids in use",
        "attempts of the earlier boot are lost at once, nobody is signalled; runs end on their own host, none doubled",
        limit=90,
        function=hosts.two_hosts,
        speed=Speed.SLOW,
        env={"EVERBEAT_LEASE_SEC": "40"},  # a start on a busy machine must fit in
        tests=(
            f"{_ADOPTION}after_a_reboot_every_attempt_is_lost_and_nobody_is_signalled",
            f"{_REAPING}a_reboot_ends_every_run_of_the_earlier_boot_at_once_and_signals_nobody",
        ),
    ),
    Fault(
        6,
        "the recorded pid belongs to an innocent process",
        "treated as gone; the innocent lives on",
        tests=(
            f"{_ADOPTION}a_recycled_pid_belongs_to_a_stranger_who_lives_on",
            f"{_REAPING}a_recycled_pid_is_not_our_process_and_stays_alive",
        ),
    ),
    Fault(
        7,
        "the child ignores TERM and leaves grandchildren",
        "the whole group is gone, cancelled once",
        tests=(
            f"{_STOPPING}a_cancel_ends_the_whole_group_though_it_ignores_term",
            f"{_STOPPING}daemons_that_a_command_leaves_behind_are_stopped",
        ),
    ),
    Fault(
        8,
        "beat is dead",
        "/readyz is red; the supervisor's own passes keep G3",
        limit=20,
        function=verdicts.beat_is_dead,
        speed=Speed.QUICK,
    ),
    Fault(
        9,
        "eight reapers at one barrier on 200 dead runs",
        "one verdict, one event, one retry each; no deadlock",
        limit=30,
        function=rows.eight_reapers_at_once,
        speed=Speed.QUICK,
    ),
    Fault(
        10,
        "the worker's success commits between the reaper's look and its verdict",
        "`succeeded` stands, the reaper lost the race, no retry",
        limit=2,
        function=verdicts.reaper_meets_a_finishing_worker,
        speed=Speed.QUICK,
        tests=(f"{_RACING}finishing_losing_and_cancelling_at_once_have_one_winner",),
    ),
    Fault(
        11,
        "a completion arrives after the run was reaped",
        "409 STALE_EPOCH, kept as late report, state unchanged",
        limit=2,
        function=messages.a_completion_arrives_after_the_verdict,
        speed=Speed.QUICK,
    ),
    Fault(
        12,
        "every message delivered three times, shuffled",
        "the same final rows, one side effect each",
        limit=30,
        function=messages.every_message_three_times_shuffled,
        speed=Speed.QUICK,
    ),
    Fault(
        13,
        "Redis forgets 500 doorbells",
        "one pass rings for all 500 again",
        limit=15,
        function=messages.redis_forgets_every_message,
        speed=Speed.QUICK,
    ),
    Fault(
        14,
        "Redis killed, down for a while",
        "the API takes work; after the return all of it is done",
        limit=30,
        function=outages.redis_is_killed,
        speed=Speed.SLOW,
    ),
    Fault(
        15,
        "Redis is full",
        "rows committed, delivered when there is space",
        limit=30,
        function=outages.redis_is_full,
        speed=Speed.SLOW,
    ),
    Fault(
        16,
        "PostgreSQL restarts at once under load",
        "503, never accepted and lost; no run is lost",
        limit=10,
        function=outages.postgres_restarts_at_once,
        speed=Speed.SLOW,
    ),
    Fault(
        17,
        "the answer to a COMMIT is lost",
        "the same idempotency key gives one row, one event, one answer",
        limit=5,
        function=messages.the_answer_to_a_commit_is_lost,
        speed=Speed.QUICK,
    ),
    Fault(
        18,
        "PostgreSQL frozen for longer than the leases",
        "nothing is reaped, leases extended",
        limit=15,
        function=outages.postgres_is_frozen,
        speed=Speed.SLOW,
    ),
    Fault(
        19,
        "the whole control plane is down while agents live",
        "no run is lost",
        limit=60,
        function=outages.control_plane_away,
        speed=Speed.SLOW,
    ),
    Fault(
        20,
        "nine of ten leases end at once",
        "verdicts withheld, one incident; a single dead agent later is judged as ever",
        limit=2,
        function=verdicts.nine_of_ten_leases_end_at_once,
        speed=Speed.QUICK,
        tests=(f"{_REAPING}a_confirmed_mass_loss_is_released_at_a_limited_rate_oldest_first_and_then_closed",),
    ),
    Fault(
        21,
        "the application's clock is ten minutes off, both ways",
        "no verdict changes; leases follow database time",
        limit=5,
        function=verdicts.application_clock_is_wrong,
        speed=Speed.QUICK,
    ),
    Fault(
        22,
        "an agent claims times of other centuries",
        "nothing is decided by them",
        limit=5,
        function=messages.an_agents_clock_is_wrong,
        speed=Speed.QUICK,
    ),
)
