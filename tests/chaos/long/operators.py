"""An operator acts on thousands of rows while agents beat (spec/6 row 35)."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from django.db import connection
from django.test import Client

from agents.models import Agent, Company
from agents.vocabulary import AdapterType, AgentStatus, Presence
from config.common.admin.deeds import MOST_ROWS
from tests.chaos.fault import Seen
from tests.chaos.world import World
from tests.config.admin.admin_site import confirm
from tests.factories.agents import AgentFactory, AgentKeyFactory, CompanyFactory, UserFactory
from tests.heartbeats.intake.conftest import Caller

ROWS = 2_000
TERMINATED = 100
BEATERS = 4
PAUSE = 0.05


@dataclass
class Beats:
    """Agents that beat, one thread for all of one share of them, until told to stop."""

    callers: list[Caller]
    stop: threading.Event
    codes: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0

    def run(self) -> None:
        """Beat in turn, with a change in every beat, so that each takes the agent's lock."""
        for number in itertools.count():
            if self.stop.wait(PAUSE):
                break
            caller = self.callers[number % len(self.callers)]
            began = time.monotonic()
            status = ("online", "busy")[number // len(self.callers) % 2]
            self.codes[caller.beat(status).status_code] += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
        connection.close()


def an_operator_pauses_thousands(world: World) -> Seen:
    """Actions of 500 agents each, some of which cannot be paused; agents of every page beat all the while."""
    company = CompanyFactory()
    agents = _agents(company)
    Agent.objects.filter(pk__in=[agent.pk for agent in agents[:TERMINATED]]).update(status=AgentStatus.TERMINATED)
    site = Client()
    site.force_login(UserFactory(is_staff=True, is_superuser=True))
    stop = threading.Event()
    beats = [Beats(_callers(agents[TERMINATED + number :: ROWS // 10]), stop) for number in range(BEATERS)]
    threads = [threading.Thread(target=one.run) for one in beats]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    try:
        said = [confirm(site, "pause", *page) for page in _pages(agents)]
    finally:
        took = time.monotonic() - began
        stop.set()
        for thread in threads:
            thread.join(20)
    codes, slowest = sum((one.codes for one in beats), Counter[int]()), max(one.slowest for one in beats)
    assert said[0] == [f"{MOST_ROWS - TERMINATED} paused, {TERMINATED} skipped because terminated."], said[0]
    assert all(line == [f"{MOST_ROWS} paused."] for line in said[1:]), said
    assert set(codes) <= {200, 503}, codes
    assert codes[503] * 100 <= codes[200], codes
    return Seen(
        f"{ROWS - TERMINATED} paused and {TERMINATED} skipped with their reason in {took:.0f} s; meanwhile "
        f"{codes[200]} beats, {codes[503]} x 503, the slowest {slowest:.2f} s",
        slowest,
    )


def _agents(company: Company) -> list[Agent]:
    plain = AgentFactory.build_batch(ROWS, company=company, adapter_type=AdapterType.REMOTE, presence=Presence.ONLINE)
    return Agent.objects.bulk_create(plain)


def _callers(agents: list[Agent]) -> list[Caller]:
    return [Caller(agent, AgentKeyFactory(agent=agent).token) for agent in agents]


def _pages(agents: list[Agent]) -> list[list[Agent]]:
    return [agents[first : first + MOST_ROWS] for first in range(0, ROWS, MOST_ROWS)]
