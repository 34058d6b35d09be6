"""Rows of any table, each with related rows of its own, so that a page that loads them one by one gives itself away."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import models
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from agents.models import Agent, Company, User
from heartbeats.models import HeartbeatRun
from issues.models import Issue
from recovery.models import RecoverySettings, SweepState
from recovery.vocabulary import SweepName
from tests.factories.agents import AgentFactory, CompanyFactory, UserFactory
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import IssueFactory

_numbers = itertools.count(1)
# Columns that a constraint ties to others, or that would clash.
_FIXED: dict[str, dict[str, Any]] = {
    "recovery.masslossincident": {"status": "closed"},
    "heartbeats.wakeuprequest": {"status": "skipped"},
    "issues.issuerelation": {},
    "heartbeats.environmentlease": {"status": "released", "released_at": timezone.now()},
    "agents.budgetpolicy": {"warn_percent": 80},
}


# Tables without a unique foreign key: their related rows may come round again, ten of each kind.
_POOLED = {
    "agents.activityevent",
    "agents.agenterror",
    "agents.costevent",
    "agents.errorgroup",
    "issues.interaction",
    "issues.issuecomment",
    "issues.workproduct",
    "recovery.watchdogdecision",
    "heartbeats.wakeuprequest",
}
_POOL_SIZE = 10


def rows_of(model: type[models.Model], count: int, company: Company | None = None) -> list[Any]:
    """So many rows of the table, or as many as it can hold."""
    if model is SweepState:
        return [SweepState.objects.get_or_create(sweep=name, last_error="boom")[0] for name in SweepName]
    if model is RecoverySettings:
        return [RecoverySettings.objects.get_or_create()[0]]
    if model._meta.label_lower in _POOLED:
        first = [row_of(model, company) for _ in range(min(count, _POOL_SIZE))]
        return first + [_like(first[number % _POOL_SIZE]) for number in range(count - len(first))]
    return [row_of(model, company) for _ in range(count)]


def _like(row: Any) -> Any:
    columns = {
        field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key
    }
    fresh = {
        name: f"{columns[name]} {next(_numbers)}"[:60] for name in ("fingerprint", "idempotency_key") if name in columns
    }
    return type(row)._default_manager.create(**{**columns, **fresh})


def row_of(model: type[models.Model], company: Company | None = None) -> Any:
    """One row, every foreign key filled (of `company` where it has one)."""
    given = {"company": company} if company else {}
    if model is Company:
        return company or CompanyFactory()
    if model is User:
        return UserFactory()
    if model is Agent:
        return AgentFactory(**given)
    if model is Issue:
        return IssueFactory(assignee_agent=AgentFactory(**given), **given)
    if model is HeartbeatRun:
        agent = AgentFactory(**given)
        issue = IssueFactory(company=agent.company, assignee_agent=agent)
        return HeartbeatRunFactory(agent=agent, issue=issue)
    if model in (IntervalSchedule, CrontabSchedule, PeriodicTask):
        return _of_beat(model)
    return _generic(model, company)


def _of_beat(model: Any) -> Any:
    number = next(_numbers)
    if model is CrontabSchedule:
        return CrontabSchedule.objects.create(minute=str(number % 60), hour=str(number % 24))
    every = IntervalSchedule.objects.create(every=number, period="seconds")
    return every if model is IntervalSchedule else PeriodicTask.objects.create(name=f"task {number}", interval=every)


def _generic(model: type[models.Model], company: Company | None) -> Any:
    columns: dict[str, Any] = {}
    owner = company or CompanyFactory()
    for field in model._meta.concrete_fields:
        if field.name == "company":
            columns["company"] = owner
        elif not field.primary_key or isinstance(field, models.CharField | models.OneToOneField):
            _fill(columns, field, owner)
    return model._default_manager.create(**{**columns, **_FIXED.get(model._meta.label_lower, {})})


def _fill(columns: dict[str, Any], field: Any, owner: Company) -> None:
    if field.is_relation:
        if field.related_model is not field.model and field.name not in {"latest_revision", "evaluation_issue"}:
            columns[field.name] = row_of(field.related_model, owner)
    elif (
        not field.has_default() and not getattr(field, "auto_now", False) and not getattr(field, "auto_now_add", False)
    ):
        columns[field.name] = _value(field)


_VALUES: tuple[tuple[type[models.Field[Any, Any]], Any], ...] = (
    (models.UUIDField, uuid4),
    (models.DateTimeField, lambda: timezone.now() - timedelta(minutes=next(_numbers))),
    (models.DateField, lambda: timezone.now().date()),
    (models.JSONField, lambda: {"some": "value"}),
    (models.BinaryField, lambda: b"sealed"),
    (models.IntegerField, lambda: next(_numbers)),
    (models.FloatField, lambda: 1.5),
)


def _value(field: Any) -> Any:
    if field.choices:
        return field.choices[0][0]
    for kind, make in _VALUES:
        if isinstance(field, kind):
            return make()
    return f"{field.name} {next(_numbers)}"[: field.max_length or 40]
