"""`/api/v1/agent/tasks`: the work of remote agents."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.permissions import actor_of
from config.common.clock import wire_time
from config.common.wire.errors import TaskError
from config.common.wire.views import path_uuid
from heartbeats.execution.supervisor.announcer import Announcer, Growth
from heartbeats.intake.next_task import next_task
from heartbeats.intake.reports import NOT_YOURS, ReportStatus, TaskReport, take_report
from heartbeats.intake.shapes import (
    AcknowledgedShape,
    LogBody,
    NextTaskAnswer,
    ReportAnswer,
    ReportBody,
)
from heartbeats.intake.task_log import Appended, LogPiece, append_to_log
from heartbeats.intake.views import REFUSALS, RETRY_AFTER, TASK_REFUSALS, StrictView

TASK_ID = OpenApiParameter("task_id", OpenApiTypes.UUID, OpenApiParameter.PATH)


class NextTaskView(StrictView):
    """Work for an agent that fetches it."""

    failure_code = "TASK_ASSIGN_ERROR"

    @extend_schema(
        operation_id="nextTask",
        tags=["agent"],
        parameters=[RETRY_AFTER],
        request=None,
        responses={200: NextTaskAnswer, **REFUSALS},
    )
    def post(self, request: Request) -> Response:  # noqa: ARG002
        """The next run, claimed for the caller; `task` is null when there is none."""
        found = next_task(self.caller, now=self.now)
        task = asdict(found.task) if found.task else None
        return Response(NextTaskAnswer({"task": task}).data)


class TaskView(StrictView):
    """An endpoint about one run."""

    failure_code = "TASK_REPORT_ERROR"

    def held_epoch(self, task_id: str) -> int | None:
        """The epoch that the caller's run token names; None for a key. A token of another run is a TASK_ERROR."""
        actor = actor_of(self.request)
        if actor.run_epoch is None:
            return None
        if actor.run_id != path_uuid(task_id, "Task"):
            raise TaskError(NOT_YOURS)
        return actor.run_epoch


class ReportView(TaskView):
    """How a run goes."""

    @extend_schema(
        operation_id="reportTask",
        tags=["agent"],
        parameters=[TASK_ID, RETRY_AFTER],
        request=ReportBody,
        responses={200: ReportAnswer, **TASK_REFUSALS},
    )
    def post(self, request: Request, task_id: str) -> Response:  # noqa: ARG002
        """Report progress or the end of a run."""
        run_id = path_uuid(task_id, "Task")
        held_epoch = self.held_epoch(task_id)
        body = self.body(ReportBody)
        report = TaskReport(**{**body, "status": ReportStatus(body["status"])})
        reported = take_report(self.caller, run_id, report, held_epoch=held_epoch, now=self.now)
        retried = {} if reported.retried is None else {"retried": reported.retried}
        return Response({"acknowledged": True, **retried})


class LogView(TaskView):
    """What a run prints."""

    @extend_schema(
        operation_id="appendTaskLog",
        tags=["agent"],
        parameters=[TASK_ID, RETRY_AFTER],
        request=LogBody,
        responses={200: AcknowledgedShape, **TASK_REFUSALS},
    )
    def post(self, request: Request, task_id: str) -> Response:  # noqa: ARG002
        """Append a piece of output to the run's log."""
        run_id = path_uuid(task_id, "Task")
        held_epoch = self.held_epoch(task_id)
        piece = LogPiece(**self.body(LogBody))
        appended = append_to_log(self.caller, run_id, piece, held_epoch=held_epoch, now=self.now)
        if appended.won:
            self._tell_screens(appended, piece)
        return Response({"acknowledged": True})

    def _tell_screens(self, appended: Appended, piece: LogPiece) -> None:
        run = appended.run
        at = wire_time(self.now)
        announcer().say(Growth(run.company_id, run.pk, run.agent_id, appended.total_bytes, piece.stream, at))


@lru_cache(maxsize=1)
def announcer() -> Announcer:
    """This process's announcer, in a thread of its own: no request waits for Redis."""
    started = Announcer()
    started.open()
    return started
