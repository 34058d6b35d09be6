"""What the rules of the model share: the world, its promises, and how a deed is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from agents.actors import Actor
from agents.models import Agent
from config.common.clock import utc_now
from heartbeats.models import HeartbeatRun
from heartbeats.runs.finalising import finalise_run
from heartbeats.vocabulary import RunStatus, TriggerDetail, WakeupSource
from heartbeats.wakeups.request import WakeupAsk, request_wakeup
from issues.models import Issue
from issues.vocabulary import ISSUE_TERMINAL
from tests.model.endings import ENDINGS
from tests.model.promises import Promises
from tests.model.world import MOST_ISSUES, World

PICK = st.integers(0, 11)
LUCK = st.booleans()


class Deeds(RuleBasedStateMachine):
    """One company for as many steps as hypothesis likes; `clean` empties the database before each example."""

    clean: Callable[[], None]
    runs_dir: Path
    current: World

    def __init__(self) -> None:
        super().__init__()
        type(self).clean()
        self.world = World(self.runs_dir)
        Deeds.current = self.world
        self.promises = Promises(self.world)
        self.failed = False
        self.at_the_end = "succeeds with a summary"

    @contextmanager
    def deed(self, line: str, *, dies: bool = False) -> Iterator[None]:
        """Tell and do one thing. `dies`: the server is killed between its commit and what should follow the commit."""
        self.world.deaf = dies
        try:
            with self.world.deed(f"{line}{', and the server dies right after its commit' if dies else ''}"):
                yield
        except AssertionError:
            self.failed = True
            raise
        finally:
            self.world.deaf = False

    def living(self, pick: int) -> HeartbeatRun:
        """One of the runs whose process is alive (it may have been cancelled and not know it yet)."""
        rows = [run for run in self.world.runs(*RunStatus) if run.pk in self.world.alive]
        return rows[pick % len(rows)]

    def finish(self, run: HeartbeatRun, how: str) -> None:
        """The process ends and its host reports it."""
        self.world.alive.pop(run.pk, None)
        finalise_run(run.pk, epoch=run.epoch, result=ENDINGS[how], now=utc_now())

    def ask(self, agent: Agent, source: WakeupSource, detail: TriggerDetail, issue: Issue | None, by: Actor) -> None:
        """Ask for one wakeup and tell what came of it."""
        about = {"issueId": str(issue.pk)} if issue else {}
        ask = WakeupAsk(
            agent_id=agent.pk, source=source, trigger_detail=detail, payload=about, context=about, requested_by=by
        )
        outcome = request_wakeup(ask, now=utc_now())
        self.world.story[-1] += f" -> {outcome.status} {outcome.reason or ''}".rstrip()

    def owe(self, comment_id: UUID, issue: Issue, named: Agent | None, *, by: HeartbeatRun | None = None) -> None:
        """Remember whom a comment is to reach: the assignee of an open issue, and who was named; never its author.

        Whoever is paused is owed it too: a row says why it does not come.
        """
        issue.refresh_from_db()
        told = [named] if named else []
        if issue.assignee_agent is not None and issue.status not in ISSUE_TERMINAL:
            told.append(issue.assignee_agent)
        for agent in told:
            if by is None or by.agent_id != agent.pk:
                what = f"comment by {by.agent.name if by else 'a person'} on {issue.identifier}"
                self.promises.owe(comment_id, agent, what)


def has_living(model: Deeds) -> bool:
    """Only while a process is alive."""
    return bool(model.world.alive)


def has_live_runs(model: Deeds) -> bool:
    """Only while a run is queued, running or parked."""
    return HeartbeatRun.objects.filter(company=model.world.company).live().exists()


def has_issues(model: Deeds) -> bool:
    """Only while there is an issue."""
    return Issue.objects.filter(company=model.world.company).exists()


def has_room(model: Deeds) -> bool:
    """Only while people may open one more issue."""
    return Issue.objects.filter(company=model.world.company).count() < MOST_ISSUES
