"""What people do: create, comment, reassign, move, run now, cancel, pause, hold, limit, release."""

from __future__ import annotations

from typing import Any

from django.db.models import Sum
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from agents import lifecycle
from agents.budgets.policies import upsert_policy
from agents.budgets.spending import NewCost, record_cost_event
from agents.models import CostEvent
from agents.vocabulary import AgentStatus, BudgetScope, BudgetWindow
from config.common.clock import utc_now
from heartbeats.runs.cancelling import cancel_run
from heartbeats.vocabulary import RunStatus, TriggerDetail, WakeupSource
from issues.checkout import force_release_issue
from issues.commenting import add_comment
from issues.creating import NewIssue, create_issue
from issues.holds.bookkeeping import Order
from issues.holds.holding import hold_tree
from issues.speech_rules import Wishes
from issues.updating import Edit, update_issue
from issues.vocabulary import HoldMode, IssueStatus
from tests.model.deeds import LUCK, PICK, Deeds, has_issues, has_live_runs, has_room


class People(Deeds):
    """The rules of people."""

    @precondition(has_room)
    @rule(owner=PICK, pick=PICK, nobody=LUCK, part=LUCK, status=st.sampled_from(["todo", "todo", "backlog"]), dies=LUCK)
    def a_person_creates_an_issue(
        self, owner: int, pick: int, *, nobody: bool, part: bool, status: str, dies: bool
    ) -> None:
        agent, parent = self.world.agent(owner), self.world.issue(pick) if part else None
        columns: dict[str, Any] = {"title": "Work", "status": status, "project_id": self.world.project.pk}
        columns |= {} if nobody and owner % 3 == 0 else {"assignee_agent_id": agent.pk}
        columns |= {"parent_id": parent.pk} if parent else {}
        blocked_by = [parent.pk] if parent and nobody else []
        below = f" below{' and blocked by' if blocked_by else ''} {parent.identifier}" if parent else ""
        to = agent.name if "assignee_agent_id" in columns else "nobody"
        with self.deed(f"a person creates {status} for {to}{below}", dies=dies and owner % 2 == 0):
            new = NewIssue(columns=columns, blocked_by=blocked_by)
            issue = create_issue(self.world.person, self.world.company.pk, new, now=utc_now())
            self.world.story[-1] += f" -> {issue.identifier}"

    @precondition(has_issues)
    @rule(
        pick=PICK, mention=PICK, wish=st.sampled_from(["", "", "interrupt", "resume", "reopen"]), named=LUCK, dies=LUCK
    )
    def a_person_comments(self, pick: int, mention: int, wish: str, *, named: bool, dies: bool) -> None:
        issue = self.world.issue(pick)
        assert issue is not None
        whom = self.world.agent(mention) if named else None
        body = f"Please look, @{whom.name}." if whom else "Please look."
        wishes = Wishes(**({wish: True} if wish else {}))
        naming = f", naming {whom.name}" if whom else ""
        with self.deed(f"a person comments on {issue.identifier}{naming} {wish}".rstrip(), dies=dies):
            told = add_comment(self.world.person, issue.pk, body, wishes, now=utc_now())
            self.owe(told.comment.pk, told.issue, whom)

    @precondition(has_issues)
    @rule(pick=PICK, owner=PICK, dies=LUCK)
    def a_person_reassigns(self, pick: int, owner: int, *, dies: bool) -> None:
        issue, agent = self.world.issue(pick), self.world.agent(owner)
        assert issue is not None
        with self.deed(f"a person gives {issue.identifier} to {agent.name}", dies=dies and owner % 2 == 0):
            edit = Edit(columns={"assignee_agent_id": agent.pk, "assignee_user_id": None})
            update_issue(self.world.person, issue.pk, edit, now=utc_now())

    @precondition(has_issues)
    @rule(
        pick=PICK,
        status=st.sampled_from(["todo", "in_progress", "blocked", "done", "cancelled", "in_review"]),
        dies=LUCK,
    )
    def a_person_moves_an_issue(self, pick: int, status: str, *, dies: bool) -> None:
        issue = self.world.issue(pick)
        assert issue is not None
        with self.deed(f"a person makes {issue.identifier} {status}", dies=dies):
            update_issue(self.world.person, issue.pk, Edit(columns={"status": IssueStatus(status)}), now=utc_now())

    @precondition(has_issues)
    @rule(pick=PICK, agent=PICK)
    def a_person_runs_an_agent_now(self, pick: int, agent: int) -> None:
        issue = self.world.issue(pick)
        assert issue is not None
        whom = self.world.agent(agent) if agent % 3 == 0 else issue.assignee_agent or self.world.agent(agent)
        with self.deed(f'a person says "run now" to {whom.name} about {issue.identifier}'):
            self.ask(whom, WakeupSource.ON_DEMAND, TriggerDetail.MANUAL, issue, self.world.person)

    @precondition(has_live_runs)
    @rule(pick=PICK)
    def a_person_cancels_a_run(self, pick: int) -> None:
        run = self.world.run(pick, *map(RunStatus, RunStatus.LIVE))
        assert run is not None
        with self.deed(f"a person cancels {self.world.call(run)}"):
            cancel_run(run.pk, now=utc_now())

    @rule(pick=PICK)
    def a_person_pauses_or_resumes_an_agent(self, pick: int) -> None:
        agent = self.world.agent(pick)
        paused = agent.status == AgentStatus.PAUSED
        verb = lifecycle.resume_agent if paused else lifecycle.pause_agent
        with self.deed(f"a person {'resumes' if paused else 'pauses'} {agent.name}"):
            verb(self.world.person, agent.pk, now=utc_now())

    @precondition(has_issues)
    @rule(pick=PICK, mode=st.sampled_from([*HoldMode, HoldMode.RESUME]), dies=LUCK)
    def a_person_holds_a_tree(self, pick: int, mode: HoldMode, *, dies: bool) -> None:
        issue = self.world.issue(pick)
        assert issue is not None
        with self.deed(f"a person orders: {mode} everything from {issue.identifier} down", dies=dies):
            order = Order(mode=mode, metadata={"wakeAgents": True})
            hold_tree(self.world.person, issue.pk, order, now=utc_now())

    @rule(pick=PICK, scope=st.sampled_from(list(BudgetScope)))
    def a_person_sets_a_budget(self, pick: int, scope: BudgetScope) -> None:
        """Above or below what is spent, turn about: it raises what is stopped and limits what is not."""
        agent = self.world.agent(pick)
        whose = {
            BudgetScope.AGENT: agent.pk,
            BudgetScope.PROJECT: self.world.project.pk,
            BudgetScope.COMPANY: self.world.company.pk,
        }[scope]
        spent = CostEvent.objects.aggregate(cents=Sum("cost_cents"))["cents"] or 0
        amount = spent + 500 if pick % 2 else max(1, spent)
        with self.deed(f"a person limits {agent.name if scope == BudgetScope.AGENT else scope} to {amount} cents"):
            fields = {"scope_type": scope, "scope_id": whose, "amount": amount, "window_kind": BudgetWindow.LIFETIME}
            upsert_policy(self.world.person, self.world.company.pk, fields, now=utc_now())

    @rule(pick=PICK)
    def money_is_spent(self, pick: int) -> None:
        agent = self.world.agent(pick)
        with self.deed(f"{agent.name} spends 600 cents"):
            cost = NewCost(
                company_id=self.world.company.pk,
                agent_id=agent.pk,
                project_id=self.world.project.pk,
                provider="anthropic",
                model="opus",
                occurred_at=utc_now(),
                cost_cents=600,
            )
            record_cost_event(self.world.person, cost, now=utc_now())

    @precondition(has_issues)
    @rule(pick=PICK)
    def a_person_releases_the_locks(self, pick: int) -> None:
        issue = self.world.issue(pick)
        assert issue is not None
        with self.deed(f"a person force-releases {issue.identifier}"):
            force_release_issue(self.world.person, issue.pk, clear_assignee=False, now=utc_now())
