"""Rows 23 to 45 of the table of spec/6. Limits are seconds under the short timings of tests (lease 8 s)."""

from __future__ import annotations

from tests.chaos.fault import Fault, Speed
from tests.chaos.long import crowds, disks, fanout, operators, sockets, storms
from tests.chaos.quick import messages, rows, verdicts
from tests.chaos.slow import backups, builds, database_disk, outages

_ADOPTION = "tests/heartbeats/supervisor/test_supervisor_adoption.py::test_"
_STOPPING = "tests/heartbeats/supervisor/test_supervisor_stopping.py::test_"
_OUTAGES = "tests/heartbeats/supervisor/test_supervisor_outages.py::test_"
_SHIM = "tests/heartbeats/execution/test_execution_output.py::test_"
_OUTPUT = "tests/heartbeats/supervisor/test_supervisor_output.py::test_"
_REAPING = "tests/recovery/orphans/test_orphans_reaping.py::test_"
_RACING = "tests/heartbeats/runs/test_runs_racing.py::test_"
_LIVE = "tests/heartbeats/live/test_live_feed.py::test_"
_CONTRACT = "tests/heartbeats/intake/test_intake_contract.py::test_"
_REMOTE = "tests/heartbeats/intake/test_intake_end_to_end.py::test_"
_OPENAPI = "tests/heartbeats/intake/test_intake_openapi.py::test_"

FAULTS = (
    Fault(
        23,
        "the executor cannot reach the database, short and for longer than its lease",
        "short: nothing; long: it stops its child before the lease ends, no overlap",
        tests=(
            f"{_OUTAGES}a_short_cut_changes_nothing_and_no_line_is_lost",
            f"{_OUTAGES}who_cannot_renew_stops_its_child_before_the_lease_ends_and_gives_the_run_back",
            f"{_REMOTE}an_agent_survives_a_server_restart_and_loses_no_line",
        ),
    ),
    Fault(
        24,
        "output and heartbeats duplicated, delayed, shuffled",
        "each line once and in order; nothing changes after the end",
        limit=10,
        function=messages.heartbeats_and_output_out_of_order,
        speed=Speed.QUICK,
    ),
    Fault(
        25,
        "10,000 agents beat within ten seconds",
        "none lost, no 5xx, p99 < 1 s, longer pauses asked for, nobody reaped",
        limit=1,
        function=crowds.a_burst_of_heartbeats,
        speed=Speed.LONG,
    ),
    Fault(
        26,
        "1,000 agents connect again at once",
        "all answered, database connections within the pool, pauses spread",
        limit=15,
        function=crowds.a_thousand_agents_come_back,
        speed=Speed.LONG,
    ),
    Fault(
        27,
        "of 100 wakes the 37th fails, and the process is killed at the 60th",
        "resumed from the 60th, the 37th parked with its reason, nobody woken twice",
        limit=5,
        function=fanout.a_fan_out_is_killed,
        speed=Speed.QUICK,
    ),
    Fault(
        28,
        "a run kills its supervisor at every attempt",
        "parked as poison after three kills, neighbours unaffected",
        limit=60,
        function=verdicts.a_run_that_kills_its_supervisor,
        speed=Speed.QUICK,
        tests=(f"{_REAPING}a_run_that_killed_its_supervisor_three_times_is_parked_not_tried_again",),
    ),
    Fault(
        29,
        "a provider fails for 500 runs of 50 agents, and for their retries",
        "one jittered retry each, promoted when due, started within the agents' slots, at most four",
        limit=20,
        function=storms.a_provider_is_down,
        speed=Speed.LONG,
    ),
    Fault(
        30,
        "the disk of the run logs is full for a while",
        "the run goes on, its log says where output is missing, alarm; later everything logs again",
        limit=10,
        function=disks.the_disk_of_the_logs_is_full,
        speed=Speed.LONG,
        tests=(f"{_SHIM}a_log_that_stops_accepting_bytes_is_cut_at_a_line_and_carries_on_later",),
    ),
    Fault(
        31,
        "the disk of PostgreSQL is full: first no table can grow, then the log cannot, for which the server ends",
        "503, nothing accepted and lost, nothing damaged, work again without a hand once there is room",
        limit=60,
        function=database_disk.the_disk_of_postgres_is_full,
        speed=Speed.SLOW,
        env={"EVERBEAT_LEASE_SEC": "90"},  # the outage is shorter than a lease: it costs no run
    ),
    Fault(
        32,
        "a socket client never reads, 200 others do",
        "closed with 4008, the others at most 2 s behind, 5 MB of memory at most",
        limit=15,
        function=sockets.a_client_that_never_reads,
        speed=Speed.LONG,
    ),
    Fault(
        33,
        "live frames are lost",
        "the gap is found and filled",
        tests=(
            f"{_LIVE}a_client_names_the_last_id_it_saw_and_gets_the_rest",
            f"{_LIVE}a_client_that_was_away_too_long_is_told_to_fetch_everything",
        ),
    ),
    Fault(
        34,
        "death between commit and publish; a rolled-back change",
        "the event is pushed later; nothing is announced that was not committed",
        tests=(
            f"{_LIVE}an_event_that_was_numbered_but_not_pushed_is_pushed_again",
            f"{_LIVE}a_rolled_back_change_is_never_announced",
        ),
    ),
    Fault(
        35,
        "an operator pauses 2,000 agents in the admin, 500 at a time as it allows, while they beat",
        "a beat waits 2 s at most or gets 503; the action tells which rows it skipped",
        limit=2,
        function=operators.an_operator_pauses_thousands,
        speed=Speed.LONG,
    ),
    Fault(
        36,
        "verbs in opposite order",
        "no deadlock",
        tests=(f"{_RACING}verbs_in_every_order_never_deadlock",),
    ),
    Fault(
        37,
        "bad data: unknown words, NUL, not UTF-8, deep, huge",
        "4xx with a code, rows unchanged",
        tests=(
            f"{_CONTRACT}nul_and_lone_surrogates_never_cost_a_heartbeat",
            f"{_CONTRACT}a_body_above_one_mebibyte_is_a_413_in_the_envelope",
            f"{_CONTRACT}a_context_of_twenty_levels_is_kept_to_depth_six",
            f"{_OUTPUT}output_that_is_not_text_ends_in_an_ordinary_run",
            f"{_OPENAPI}nothing_crashes_the_agent_api_and_every_answer_is_as_documented",
        ),
    ),
    Fault(
        38,
        "columns, a table, a constraint and an index come and go under running processes that do not know them",
        "work goes on, at most 503, nothing lost, the child at work untouched",
        limit=90,
        function=builds.a_schema_that_grows,
        speed=Speed.SLOW,
    ),
    Fault(
        38,
        "the build before the newest migration is migrated under, replaced and brought back; a newer executor is early",
        "both builds work on the new schema, what the old one could not do waits, the child at work is untouched",
        limit=60,
        function=builds.an_older_build,
        speed=Speed.SLOW,
    ),
    Fault(
        39,
        "an agent's key is revoked in the middle of a run",
        "the agent stops",
        tests=(f"{_REMOTE}an_agent_whose_key_is_revoked_ends_with_an_error",),
    ),
    Fault(
        40,
        "everything is stopped and started with work in flight",
        "nothing lost, doubled or retried",
        limit=90,
        function=outages.deployed_with_work_in_flight,
        speed=Speed.SLOW,
    ),
    Fault(
        41,
        "one of 500 rows makes the sweep raise",
        "499 done, one flagged and pushed forward, one alarm",
        limit=30,
        function=rows.one_row_raises,
        speed=Speed.QUICK,
    ),
    Fault(
        42,
        "1,000 rows in front cannot be acted on",
        "the rows behind them are handled in the same pass",
        limit=5,
        function=rows.a_thousand_rows_that_cannot_be_acted_on,
        speed=Speed.QUICK,
    ),
    Fault(
        43,
        "the supervisor is frozen and loses its run meanwhile",
        "it asks first, stops the child, reports no success",
        tests=(f"{_STOPPING}a_frozen_supervisor_that_lost_its_run_stops_the_child_and_reports_no_success",),
    ),
    Fault(
        44,
        "the supervisor loses the database but not its child",
        "output is kept on disk, no line lost or doubled",
        tests=(
            f"{_OUTAGES}a_short_cut_changes_nothing_and_no_line_is_lost",
            f"{_OUTAGES}a_command_that_ends_while_the_database_is_away_is_finalised_when_it_is_back",
        ),
    ),
    Fault(
        45,
        "the database is restored from a backup while agents of the lost time live on",
        "they are told to stop; no run is executed twice at once, none under an old epoch",
        limit=60,
        function=backups.restored_from_a_backup,
        speed=Speed.SLOW,
    ),
)
