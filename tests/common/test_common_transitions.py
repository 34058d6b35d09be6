"""The transition table and its conditional update, on a real table."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, models, transaction
from django.db.models import F
from hypothesis import given
from hypothesis import strategies as st

from config.common.transitions import ForbiddenMove, Transitions

JOBS = Transitions({"queued": {"running", "cancelled"}, "running": {"done", "queued"}, "done": set(), "cancelled": ()})


class Job(models.Model):
    """A stand-in row with a status and an epoch; lives only as long as a test."""

    status = models.CharField(max_length=20)
    epoch = models.IntegerField(default=0)
    note = models.CharField(max_length=20, default="")

    objects: models.Manager[Job] = models.Manager()

    class Meta:
        app_label = "transitions_under_test"
        db_table = "transitions_under_test_job"

    def __str__(self) -> str:
        return f"{self.status} {self.epoch}"


@pytest.fixture
def jobs(transactional_db: None) -> Iterator[models.Manager[Job]]:
    with connection.schema_editor() as editor:
        editor.create_model(Job)
    yield Job.objects
    with connection.schema_editor() as editor:
        editor.delete_model(Job)


def status_of(job: Job) -> str:
    job.refresh_from_db()
    return job.status


def test_allows_only_what_the_table_lists() -> None:
    assert JOBS.allows("queued", "running")
    assert not JOBS.allows("running", "cancelled")
    assert not JOBS.allows("running", "running")
    assert not JOBS.allows("unknown", "running")


def test_a_status_without_moves_is_terminal() -> None:
    assert JOBS.terminal == {"done", "cancelled"}
    assert JOBS.sources("queued") == {"running"}
    assert JOBS.states == {"queued", "running", "done", "cancelled"}


def test_a_target_without_a_row_is_refused_when_the_table_is_built() -> None:
    with pytest.raises(ValueError, match="lost"):
        Transitions({"queued": {"lost"}})


@given(st.dictionaries(st.sampled_from("abcde"), st.sets(st.sampled_from("abcde")), min_size=5))
def test_terminal_never_changes(table: dict[str, set[str]]) -> None:
    transitions = Transitions(table)
    for end in transitions.terminal:
        assert not any(transitions.allows(end, after) for after in transitions.states)


def test_move_wins_once_and_then_loses(jobs: models.Manager[Job]) -> None:
    job = jobs.create(status="queued")
    mine = jobs.filter(pk=job.pk)
    assert JOBS.move(mine, to="running", expected={"queued"}, note="mine")
    assert not JOBS.move(mine, to="running", expected={"queued"}, note="theirs")
    job.refresh_from_db()
    assert (job.status, job.note) == ("running", "mine")


def test_move_loses_on_another_epoch_and_can_raise_it(jobs: models.Manager[Job]) -> None:
    job = jobs.create(status="queued", epoch=3)
    mine = jobs.filter(pk=job.pk)
    assert not JOBS.move(mine, to="running", expected={"queued"}, held_epoch=2)
    assert JOBS.move(mine, to="running", expected={"queued"}, held_epoch=3, epoch=F("epoch") + 1)
    assert jobs.get(pk=job.pk).epoch == 4


def test_move_refuses_what_the_table_does_not_allow_and_names_it(jobs: models.Manager[Job]) -> None:
    job = jobs.create(status="done")
    with pytest.raises(ForbiddenMove, match=r"Job\.status: no move from done to running"):
        JOBS.move(jobs.filter(pk=job.pk), to="running", expected={"queued", "done"})
    assert status_of(job) == "done"


@pytest.mark.parametrize("expected", ["queued", (), set()])
def test_move_refuses_an_expectation_that_is_no_collection(expected: str, jobs: models.Manager[Job]) -> None:
    with pytest.raises(TypeError, match="non-empty collection"):
        JOBS.move(jobs.all(), to="running", expected=expected)


def test_the_status_cannot_be_smuggled_in_as_a_column(jobs: models.Manager[Job]) -> None:
    with pytest.raises(TypeError, match="by to="):
        JOBS.move(jobs.all(), to="running", expected={"queued"}, status="done")


def test_move_of_several_rows_raises_and_rolls_back(jobs: models.Manager[Job]) -> None:
    first, second = jobs.create(status="queued"), jobs.create(status="queued")
    with pytest.raises(RuntimeError, match="one row of Job, but 2"), transaction.atomic():
        JOBS.move(jobs.all(), to="running", expected={"queued"})
    assert {status_of(first), status_of(second)} == {"queued"}


def test_move_all_counts_and_leaves_the_others(jobs: models.Manager[Job]) -> None:
    for status in ("queued", "queued", "running", "done"):
        jobs.create(status=status)
    assert JOBS.move_all(jobs.all(), to="cancelled", expected={"queued"}) == 2
    assert sorted(jobs.values_list("status", flat=True)) == ["cancelled", "cancelled", "done", "running"]


def test_of_many_at_once_exactly_one_wins(jobs: models.Manager[Job]) -> None:
    job = jobs.create(status="queued")
    together = threading.Barrier(6)

    def compete(number: int) -> bool:
        try:
            together.wait(timeout=10)
            return JOBS.move(jobs.filter(pk=job.pk), to="running", expected={"queued"}, note=str(number))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(compete, range(6))) == 1
