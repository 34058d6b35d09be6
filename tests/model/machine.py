"""The model: rules that mix everything that people, agents, hosts, messages, sweeps and time can do to an issue."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from config.common.clock import utc_now
from heartbeats.vocabulary import TriggerDetail, WakeupSource
from issues.creating import NewIssue, create_issue
from recovery.sweeps.catalogue import START_ORDER
from recovery.vocabulary import SweepName
from tests.model import hosts
from tests.model.deeds import LUCK, PICK
from tests.model.endings import ENDINGS
from tests.model.people import People
from tests.model.quiet import run_to_quiet
from tests.model.workers import Workers
from tests.model.world import HOSTS

# The promises ask the audit's questions themselves, each at its time.
SWEEPS = [name for name in START_ORDER if name not in {SweepName.PRUNE, SweepName.AUDIT}]
LATER = {
    "5 seconds": timedelta(seconds=5),
    "70 seconds": timedelta(seconds=70),
    "3 minutes": timedelta(minutes=3),
    "40 minutes": timedelta(minutes=40),
    "5 hours": timedelta(hours=5),
}


class Model(People, Workers):
    """Everything mixed."""

    @initialize(ending=st.sampled_from([*ENDINGS, "dies", "varies"]))
    def the_start_of_the_story(self, ending: str) -> None:
        """Some work for everybody; and how agents behave when everything is left to the sweeps at the end."""
        self.at_the_end = ending
        for agent in self.world.agents[:3]:
            columns = {"title": "Work", "status": "todo", "assignee_agent_id": agent.pk}
            columns |= {"project_id": self.world.project.pk}
            with self.deed(f"a person creates todo for {agent.name}"):
                create_issue(self.world.person, self.world.company.pk, NewIssue(columns=columns), now=utc_now())
        with self.deed("a worker of near looks at Ann"):
            hosts.serve(self.world, self.world.agents[0].pk, "near")

    # -- messages, time, sweeps

    @precondition(lambda self: bool(self.world.messages))
    @rule(
        fate=st.sampled_from(["arrive", "arrive", "arrive", "arrive twice", "arrive backwards", "are lost"]),
        host=st.sampled_from(HOSTS),
    )
    def messages(self, fate: str, host: str) -> None:
        with self.deed(f"{len(self.world.messages)} messages {fate} at {host}"):
            hosts.deliver(self.world, host, fate)

    @rule(after=st.sampled_from(list(LATER)), attended=LUCK)
    def time_passes(self, after: str, *, attended: bool) -> None:
        with self.deed(f"{after} pass{'' if attended else ' while nobody sweeps'}"):
            self.world.jump(LATER[after], attended=attended)
            hosts.renew(self.world)

    @rule(names=st.lists(st.sampled_from(SWEEPS), min_size=1, max_size=4, unique=True), host=st.sampled_from(HOSTS))
    def sweeps_run(self, names: list[SweepName], host: str) -> None:
        with self.deed(f"sweeps on {host}: {', '.join(names)}"):
            for name in names:
                hosts.sweep(self.world, name, host)

    @rule(pick=PICK, host=st.sampled_from(HOSTS))
    def a_moment_later(self, pick: int, host: str) -> None:
        """The ordinary course of things: the bell is heard, the work begins."""
        with self.deed(f"a moment later, {len(self.world.messages)} messages arrive at {host}"):
            self.world.jump(timedelta(seconds=3), attended=True)
            hosts.renew(self.world)
            hosts.deliver(self.world, host, "arrive")
            hosts.serve(self.world, self.world.agent(pick).pk, host)

    @rule(pick=PICK)
    def a_timer_rings(self, pick: int) -> None:
        agent = self.world.agent(pick)
        with self.deed(f"the timer of {agent.name} rings"):
            self.ask(agent, WakeupSource.TIMER, TriggerDetail.SYSTEM, None, self.world.person)

    # -- always, and at the end

    @invariant()
    def every_promise_holds(self) -> None:
        """After every step."""
        try:
            self.promises.keep()
        except AssertionError:
            self.failed = True
            raise

    def teardown(self) -> None:
        """Leave it to the sweeps until nothing moves; then nothing may be stalled."""
        if not self.failed:
            run_to_quiet(self)
