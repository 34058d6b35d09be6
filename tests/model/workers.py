"""What agents and hosts do: speak, move their issue, end in every way, die, reboot, take work."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from config.common.clock import utc_now
from heartbeats.runs.finalising import finalise_run
from heartbeats.runs.leases import record_output
from heartbeats.vocabulary import ErrorCode
from issues.checkout import release_issue
from issues.commenting import add_comment
from issues.speech_rules import Wishes
from issues.updating import Edit, update_issue
from issues.vocabulary import IssueStatus
from tests.model import hosts
from tests.model.deeds import LUCK, PICK, Deeds, has_living
from tests.model.endings import ENDINGS
from tests.model.world import HOSTS


class Workers(Deeds):
    """The rules of agents and hosts."""

    @precondition(has_living)
    @rule(pick=PICK, issue=PICK, mention=PICK, named=LUCK, other=LUCK)
    def an_agent_comments(self, pick: int, issue: int, mention: int, *, named: bool, other: bool) -> None:
        run = self.living(pick)
        on = self.world.issue(issue) if other or run.issue is None else run.issue
        if on is None:
            return
        whom = self.world.agent(mention) if named else None
        body = f"Progress, @{whom.name}." if whom else "Progress."
        with self.deed(f"{self.world.call(run)} comments on {on.identifier}{f', naming {whom.name}' if whom else ''}"):
            told = add_comment(self.world.speaks_for(run), on.pk, body, Wishes(), now=utc_now())
            self.owe(told.comment.pk, told.issue, whom, by=run)

    @precondition(has_living)
    @rule(pick=PICK, status=st.sampled_from(["done", "done", "in_review", "blocked", "todo", "released"]))
    def an_agent_moves_its_issue(self, pick: int, status: str) -> None:
        run = self.living(pick)
        if run.issue is None:
            return
        with self.deed(f"{self.world.call(run)} says {run.issue.identifier} is {status}"):
            if status == "released":
                release_issue(self.world.speaks_for(run), run.issue.pk, now=utc_now())
            else:
                edit = Edit(columns={"status": IssueStatus(status)})
                update_issue(self.world.speaks_for(run), run.issue.pk, edit, now=utc_now())

    @precondition(has_living)
    @rule(pick=PICK)
    def an_agent_says_something(self, pick: int) -> None:
        run = self.living(pick)
        with self.deed(f"{self.world.call(run)} writes output"):
            seq = run.last_output_seq + 1
            record_output(run.pk, epoch=run.epoch, at=utc_now(), seq=seq, stream="stdout", total_bytes=seq)

    @precondition(has_living)
    @rule(pick=PICK, how=st.sampled_from(list(ENDINGS)), twice=LUCK)
    def a_run_ends(self, pick: int, how: str, *, twice: bool) -> None:
        run = self.living(pick)
        with self.deed(f"{self.world.call(run)} {how}{', and says so twice' if twice else ''}"):
            self.finish(run, how)
            if twice:
                again = finalise_run(run.pk, epoch=run.epoch, result=ENDINGS["fails"], now=utc_now())
                assert not again.won

    @precondition(has_living)
    @rule(pick=PICK)
    def a_process_dies(self, pick: int) -> None:
        run = self.living(pick)
        with self.deed(f"the process of {self.world.call(run)} dies without a word"):
            hosts.crash(self.world, run)

    @precondition(has_living)
    @rule(pick=PICK)
    def a_remote_agent_gives_up(self, pick: int) -> None:
        run = self.living(pick)
        with self.deed(f"{self.world.call(run)} reports a failure of its agent"):
            hosts.give_up(self.world, run, ErrorCode.AGENT_REPORTED_FAILURE)

    @precondition(has_living)
    @rule(host=st.sampled_from(HOSTS))
    def a_host_reboots(self, host: str) -> None:
        with self.deed(f"host {host} reboots"):
            hosts.reboot(self.world, host)

    @rule(pick=PICK, host=st.sampled_from(HOSTS), starts=st.sampled_from([True, True, True, False]))
    def a_worker_serves_an_agent(self, pick: int, host: str, *, starts: bool) -> None:
        """As if a message had come: doubled, late, or by the sweep's ring."""
        agent = self.world.agent(pick)
        with self.deed(f"a worker of {host} looks at {agent.name}{'' if starts else ' and dies before it starts'}"):
            hosts.serve(self.world, agent.pk, host, starts=starts)
