"""The world of the model: one company on real PostgreSQL, its story in plain words, its messages and its clock.

Time is the database's: a jump moves every stored moment into the past, so that nothing else has to pretend.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from agents.actors import Actor, ActorSource
from agents.models import Agent, Company, User
from agents.vocabulary import AdapterType, AgentRole
from config.common import after_commit
from config.common.after_commit import Message
from config.common.clock import utc_now
from config.common.wire.errors import WireError
from heartbeats.models import HeartbeatRun
from heartbeats.runs import cancelling, finalising
from heartbeats.vocabulary import RunStatus
from heartbeats.wakeups.asking import WakeupConflict
from issues.models import Issue, Project
from recovery.models import SweepState
from tests.factories.agents import AgentFactory, CompanyFactory, MemberFactory
from tests.factories.issues import ProjectFactory

HOSTS = ("near", "far")
MOST_ISSUES = 7

# Moments that are the name of a window and no event; rows of the feed that nobody judges by time.
_FIXED = {("agents_budgetincident", "window_start"), ("agents_budgetincident", "window_end")}
_SECONDS = "SECONDS"
_TIMELESS = ("agents_liveevent", "heartbeats_runevent")


class Broken(AssertionError):
    """A promise was broken: the story so far, and what is wrong now."""


class World:
    """What exists, who is alive, and what was told so far."""

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = runs_dir
        self.story: list[str] = []
        self.messages: list[Message] = []
        self.boots = dict.fromkeys(HOSTS, 1)
        self.alive: dict[UUID, str] = {}
        self.jumped = timedelta()
        self.deaf = False
        self.faults: list[str] = []
        self._numbers: dict[UUID, int] = {}
        self.company: Company = CompanyFactory(issue_prefix="ACME")
        user: User = MemberFactory(company=self.company).user
        world = frozenset({self.company.pk})
        self.person = Actor(
            source=ActorSource.SESSION, user_id=user.pk, company_ids=world, writable_company_ids=world, name="a person"
        )
        self.project: Project = ProjectFactory(company=self.company, name="Apollo")
        boss = self._agent("Boss", role=AgentRole.CEO, adapter_type=AdapterType.PROCESS)
        ann = self._agent("Ann", reports_to=boss, adapter_type=AdapterType.CLAUDE_LOCAL, heartbeat_enabled=True)
        bob = self._agent("Bob", reports_to=boss, adapter_type=AdapterType.CODEX_LOCAL, max_concurrent_runs=1)
        rita = self._agent("Rita", reports_to=boss, adapter_type=AdapterType.REMOTE)
        self.agents = [ann, bob, rita, boss]
        self.names = {agent.pk: agent.name for agent in self.agents}
        SweepState.objects.create(sweep="reap_orphans", last_succeeded_at=utc_now())

    def _agent(self, name: str, **columns: Any) -> Agent:
        agent: Agent = AgentFactory(company=self.company, name=name, **columns)
        return agent

    # -- who is who

    def agent(self, pick: int) -> Agent:
        """One of the agents, as it is now."""
        agent = self.agents[pick % len(self.agents)]
        agent.refresh_from_db()
        return agent

    def issues(self) -> list[Issue]:
        """All issues, oldest first."""
        return list(Issue.objects.order_by("number"))

    def issue(self, pick: int) -> Issue | None:
        """One of the issues."""
        found = self.issues()
        return found[pick % len(found)] if found else None

    def runs(self, *statuses: RunStatus) -> list[HeartbeatRun]:
        """Runs in these statuses, oldest first; each new one gets its number in the story."""
        for run_id in HeartbeatRun.objects.order_by("created_at", "id").values_list("id", flat=True):
            self._numbers.setdefault(run_id, len(self._numbers) + 1)
        rows = HeartbeatRun.objects.filter(status__in=statuses).select_related("agent", "issue")
        return list(rows.order_by("created_at", "id"))

    def run(self, pick: int, *statuses: RunStatus) -> HeartbeatRun | None:
        """One of the runs in these statuses."""
        found = self.runs(*statuses)
        return found[pick % len(found)] if found else None

    def speaks_for(self, run: HeartbeatRun) -> Actor:
        """The agent of a run, with its run token."""
        world = frozenset({self.company.pk})
        return Actor(
            source=ActorSource.AGENT_JWT,
            agent_id=run.agent_id,
            company_ids=world,
            writable_company_ids=world,
            run_id=run.pk,
            run_epoch=run.epoch,
            name=self.names[run.agent_id],
        )

    def boot(self, host: str) -> str:
        """The boot id of a host as it is now."""
        return f"{host}-boot-{self.boots[host]}"

    # -- the story

    def call(self, row: Any) -> str:
        """How the story calls it."""
        if isinstance(row, Issue):
            return row.identifier
        if isinstance(row, Agent):
            return row.name
        if isinstance(row, HeartbeatRun):
            self.runs()
            about = f" on {row.issue.identifier}" if row.issue is not None else ""
            return f"run {self._numbers.get(row.pk, '?')} ({self.names[row.agent_id]}{about})"
        return self.names.get(row) or f"run {self._numbers.get(row, row)}"

    def tell(self, line: str) -> None:
        """One line of the story."""
        self.story.append(line)

    @contextmanager
    def deed(self, line: str) -> Iterator[None]:
        """Tell what is done; a refusal is part of the story, anything else that is raised breaks it."""
        self.tell(line)
        try:
            yield
        except (WireError, WakeupConflict) as refused:
            self.story[-1] += f" -> refused: {getattr(refused, 'detail', None) or refused}"
        except Broken:
            raise
        except Exception as fault:
            raise self.broken(f"{type(fault).__name__}: {fault}") from fault
        if self.faults:
            raise self.broken(*self.faults)

    def broken(self, *wrongs: str) -> Broken:
        """The story with its bad end."""
        told = "\n".join(f"  {number:2}. {line}" for number, line in enumerate(self.story, 1))
        ended = "\n".join(f"  ! {wrong}" for wrong in wrongs)
        return Broken(f"\nThe story:\n{told}\nwhat is wrong now:\n{ended}\n{self._standing()}")

    def _standing(self) -> str:
        lines = ["as it stands:"]
        for issue in Issue.objects.select_related("assignee_agent", "execution_run", "checkout_run").order_by("number"):
            locks = [f"{name} {self.call(run)}" for name, run in _locks(issue) if run is not None]
            owner = issue.assignee_agent.name if issue.assignee_agent else "nobody"
            kind = "" if issue.origin_kind == "manual" else f", {issue.origin_kind}"
            lines.append(f"  {issue.identifier}: {issue.status}, {owner}{kind} {'; '.join(locks)}")
        for run in self.runs(*RunStatus):
            why = f"{run.wake_reason}, {run.retry_reason or 'asked for'}, {run.error_code or 'no error'}"
            lines.append(f"  {self.call(run)}: {run.status}, epoch {run.epoch}, {why}")
        return "\n".join(lines)

    # -- messages and time

    def jump(self, length: timedelta, *, attended: bool) -> None:
        """Let time pass. `attended`: the sweeps ran all the while; otherwise the reaper was away as long."""
        self.jumped += length
        with connection.cursor() as cursor:
            cursor.execute(shift_statement().replace(_SECONDS, str(int(length.total_seconds()))))
        if attended:
            SweepState.objects.update(last_succeeded_at=utc_now())


def _locks(issue: Issue) -> tuple[tuple[str, HeartbeatRun | None], ...]:
    return (("execution lock", issue.execution_run), ("checkout", issue.checkout_run))


@cache
def shift_statement() -> str:
    """Every moment of every table of ours, moved into the past by so many seconds."""
    with connection.cursor() as cursor:
        cursor.execute(
            """select table_name, column_name from information_schema.columns
               where table_schema = current_schema() and data_type = 'timestamp with time zone'
                 and table_name ~ '^(agents|issues|heartbeats|recovery)_' order by 1, 2"""
        )
        named: dict[str, list[str]] = {}
        for table, column in cursor.fetchall():
            if (table, column) not in _FIXED and table not in _TIMELESS:
                named.setdefault(table, []).append(column)
    moved = "{0} = {0} - make_interval(secs => " + _SECONDS + ")"
    updates = [f"update {table} set {', '.join(map(moved.format, names))}" for table, names in named.items()]
    return f"set session_replication_role = replica; {'; '.join(updates)}; set session_replication_role = default"


@contextmanager
def on_the_wire(world_of: Callable[[], World]) -> Iterator[None]:
    """Catch messages instead of sending them, lose what follows a commit when the server dies, and hide no fault."""
    call = after_commit._Call.__call__

    def sent(message: Message) -> None:
        world_of().messages.append(message)

    def called(this: after_commit._Call) -> None:
        if not world_of().deaf:
            call(this)

    def fault(fn: object, error: Exception) -> None:
        name = getattr(fn, "__qualname__", fn)
        world_of().faults.append(f"after commit, {name} raised {type(error).__name__}: {error}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(after_commit.Message, "__call__", sent)
        patch.setattr(after_commit._Call, "__call__", called)
        patch.setattr(after_commit, "_report", fault)
        patch.setattr(finalising, "log", _Loud(world_of))
        patch.setattr(cancelling, "log", _Loud(world_of))
        yield


class _Loud:
    """A log in which an exception that was caught, and lived with, is a fault."""

    def __init__(self, world_of: Callable[[], World]) -> None:
        self.world_of = world_of

    def exception(self, event: str, **facts: object) -> None:
        """What production logs and survives."""
        self.world_of().faults.append(f"{event}: {facts} {sys.exc_info()[1]!r}")
