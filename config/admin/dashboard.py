"""The admin's first page: is anything stuck? Counts in one statement, each a link to the list that it counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db import connection
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from agents.models import Agent, Approval, BudgetIncident, ErrorGroup
from agents.vocabulary import Presence
from config.common.admin.faces import Tone
from config.common.admin.links import list_page
from config.common.clock import utc_now
from config.health import checks
from heartbeats.models import HeartbeatRun, WakeupRequest
from issues.admin.issues import RECOVERY, without_mover
from issues.models import Interaction, Issue
from recovery.audit.sweeping import last_audit
from recovery.models import MassLossIncident, PoisonRow

MOST_COUNTED = 1_000


@dataclass(frozen=True)
class Question:
    """One line: what is counted, by which filter of its list. `tone` is that of a count above zero."""

    title: str
    model: type[Model]
    where: Q
    query: Mapping[str, str]
    tone: Tone = "bad"
    why: str = ""


@dataclass(frozen=True)
class Answer:
    """What the page shows of it."""

    title: str
    count: str
    page: str | None
    tone: Tone
    why: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the index page shows."""
    now = utc_now()
    context["problems"] = [check for check in checks() if not check.ok]
    context["audit"] = last_audit()
    context["groups"] = _answered(request, {"Needs somebody": _needs(), "Now": _now(), "Last 24 hours": _day(now)})
    context["quiet"] = not any(answer.count != "0" for answer in context["groups"][0][1])
    return context


def _needs() -> Iterable[Question]:
    yield Question(
        "Issues that nothing moves",
        Issue,
        without_mover(),
        {"stuck": "unmoved"},
        why="an agent owns them, and no run or wakeup is on its way",
    )
    yield Question(
        "Recovery issues, open", Issue, RECOVERY, {"stuck": "recovery"}, why="opened by recovery for a person"
    )
    yield Question(
        "Error groups, open", ErrorGroup, Q(state="open"), {"state__exact": "open"}, why="nobody has looked yet"
    )
    yield Question("Agents in error", Agent, Q(presence=Presence.ERROR) | Q(status="error"), {"trouble": "error"})
    yield Question("Approvals that wait", Approval, Q(status="pending"), {"status__exact": "pending"}, "warn")
    yield Question("Questions that wait", Interaction, Q(status="pending"), {"status__exact": "pending"}, "warn")
    yield Question("Budget incidents, open", BudgetIncident, Q(status="open"), {"status__exact": "open"})
    yield Question("Mass losses, open", MassLossIncident, Q(status="open"), {"status__exact": "open"})
    yield Question("Poison rows", PoisonRow, Q(), {}, "warn", why="a sweep raised on them and moved on")


def _now() -> Iterable[Question]:
    yield Question("Running", HeartbeatRun, Q(status="running"), {"status__exact": "running"}, "live")
    yield Question(
        "Running, lease over",
        HeartbeatRun,
        Q(status="running", lease_expires_at__lt=utc_now()),
        {"trouble": "lease"},
        why="the reaper decides",
    )
    yield Question("Queued", HeartbeatRun, Q(status="queued"), {"status__exact": "queued"}, "neutral")
    yield Question(
        "Retries that wait", HeartbeatRun, Q(status="scheduled_retry"), {"status__exact": "scheduled_retry"}, "warn"
    )
    yield Question(
        "Wakeups deferred",
        WakeupRequest,
        Q(status="deferred_issue_execution"),
        {"status__exact": "deferred_issue_execution"},
        "neutral",
    )


def _day(now: datetime) -> Iterable[Question]:
    day = now - timedelta(hours=24)
    yield Question(
        "Runs failed or timed out",
        HeartbeatRun,
        Q(status__in=["failed", "timed_out"], created_at__gte=day),
        {"trouble": "bad", "since": "24h"},
    )
    yield Question(
        "Processes lost",
        HeartbeatRun,
        Q(error_code="process_lost", created_at__gte=day),
        {"trouble": "lost", "since": "24h"},
    )
    yield Question("Error groups seen", ErrorGroup, Q(last_seen_at__gte=day), {"since": "24h"}, "warn")
    yield Question(
        "Wakeups skipped",
        WakeupRequest,
        Q(status="skipped", requested_at__gte=day),
        {"status__exact": "skipped", "since": "24h"},
        "neutral",
    )


def _answered(request: HttpRequest, questions: Mapping[str, Iterable[Question]]) -> list[tuple[str, list[Answer]]]:
    asked = {title: [q for q in group if _may(request, q.model)] for title, group in questions.items()}
    flat = [question for group in asked.values() for question in group]
    counts = iter(_counts([_rows(request, question) for question in flat]))
    return [(title, [_answer(question, next(counts)) for question in group]) for title, group in asked.items()]


def _may(request: HttpRequest, model: type[Model]) -> bool:
    page = admin.site._registry.get(model)
    return page is not None and page.has_view_permission(request)


def _rows(request: HttpRequest, question: Question) -> QuerySet[Any]:
    scoped = admin.site._registry[question.model].get_queryset(request)
    return scoped.select_related(None).filter(question.where).order_by().values("pk")[:MOST_COUNTED]


def _counts(querysets: list[QuerySet[Any]]) -> list[int]:
    """How many rows each holds, at most 1,000: one statement for all."""
    if not querysets:
        return []
    compiled = [rows.query.sql_with_params() for rows in querysets]
    asked = ", ".join(f"(select count(*) from ({sql}) q{number})" for number, (sql, _) in enumerate(compiled))  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"select {asked}", [value for _, values in compiled for value in values])
        return list(cursor.fetchone())


def _answer(question: Question, count: int) -> Answer:
    shown = f"{MOST_COUNTED:,}+" if count >= MOST_COUNTED else f"{count:,}"
    return Answer(
        title=question.title,
        count=shown,
        page=list_page(question.model, **question.query),
        tone=question.tone if count else "ok",
        why=question.why,
    )
