"""Beat's schedule: what runs when, and a switch. Sweeps have a switch of their own that says why they rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
    SolarSchedule,
)

from config.common.admin import cells
from config.common.admin.base import SystemAdmin
from config.common.admin.deeds import Deed

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

for _model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
    admin.site.unregister(_model)


def _switch(enabled: bool) -> Any:  # noqa: ANN401 - a Deed's `do`
    def do(request: HttpRequest, task: Any, _given: Mapping[str, Any]) -> bool:  # noqa: ANN401 - a PeriodicTask
        won = PeriodicTask.objects.filter(pk=task.pk, enabled=not enabled).update(enabled=enabled)
        if won:
            PeriodicTasks.update_changed()
            log.warning("periodic_task_switched", task=task.name, enabled=enabled, user_id=str(request.user.pk))
        return bool(won)

    return do


def _schedule(task: Any) -> str:  # noqa: ANN401 - a PeriodicTask
    return str(task.interval or task.crontab or task.solar or task.clocked or "never")


@admin.register(PeriodicTask)
class PeriodicTaskPage(SystemAdmin):
    """Beat's entries."""

    related = ("interval", "crontab", "solar", "clocked")
    search_ids = ()
    list_display = (
        "name",
        cells.flag("enabled", title="state"),
        cells.cell("schedule", _schedule),
        cells.when("last_run_at", title="last sent", order="last_run_at"),
        cells.number("total_run_count", lambda n: f"{n:,}", title="sent"),
        "task",
        "queue",
    )
    list_filter = ("enabled",)
    search_fields = ("name", "task")
    questions = (("Switched off", "enabled__exact=0"),)
    deeds = (
        Deed(
            name="switch_off",
            title="Switch off",
            done="switched off",
            says="Beat stops sending this task. A sweep that is not sent counts as late: to rest one on purpose, "
            "switch it off under Sweeps.",
            do=_switch(False),
            refuse=lambda task: None if task.enabled else "already off",
            danger=True,
        ),
        Deed(
            name="switch_on",
            title="Switch on",
            done="switched on",
            says="Beat sends this task again.",
            do=_switch(True),
            refuse=lambda task: "already on" if task.enabled else None,
        ),
    )


@admin.register(IntervalSchedule, CrontabSchedule)
class SchedulePage(SystemAdmin):
    """When."""

    search_ids = ()
    list_display = (cells.cell("schedule", str),)
