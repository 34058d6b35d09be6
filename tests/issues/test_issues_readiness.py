"""Pause holds above an issue and blockers before it, as the database answers (spec/2 B, C)."""

from __future__ import annotations

import pytest

from issues.models import Issue
from issues.readiness import pause_hold_of, readiness_of, unresolved_blockers
from issues.vocabulary import HoldMode, HoldStatus, IssueStatus
from tests.factories.agents import AgentFactory, CompanyFactory
from tests.factories.issues import IssueFactory, IssueRelationFactory, TreeHoldFactory, assigned_to
from tests.statements import counted

pytestmark = pytest.mark.django_db


def chain(length: int) -> list[Issue]:
    """Issues from a root downwards."""
    company = CompanyFactory()
    issues: list[Issue] = [IssueFactory(company=company)]
    for _ in range(length - 1):
        issues.append(IssueFactory(company=company, parent=issues[-1]))
    return issues


def test_the_nearest_active_pause_on_the_way_up_holds() -> None:
    root, middle, leaf = chain(3)
    TreeHoldFactory(root_issue=root)
    nearest = TreeHoldFactory(root_issue=middle, reason="wait for legal", release_policy={"mode": "manual"})
    hold = pause_hold_of(leaf.company_id, leaf.pk)
    assert hold == {
        "holdId": str(nearest.pk),
        "rootIssueId": str(middle.pk),
        "mode": "pause",
        "reason": "wait for legal",
        "releasePolicy": {"mode": "manual"},
    }


def test_a_released_hold_another_mode_and_a_hold_below_do_not_hold() -> None:
    root, leaf = chain(2)
    TreeHoldFactory(root_issue=root, mode=HoldMode.CANCEL)
    TreeHoldFactory(root_issue=root, status=HoldStatus.RELEASED, released_at=root.created_at)
    TreeHoldFactory(root_issue=leaf)
    assert pause_hold_of(root.company_id, root.pk) is None


def test_the_way_up_ends_after_a_hundred_levels() -> None:
    issues = chain(103)
    TreeHoldFactory(root_issue=issues[0])
    held = readiness_of(issues[0].company_id, [issue.pk for issue in issues])
    assert held[issues[100].pk].hold is not None
    assert held[issues[101].pk].hold is None


def test_parents_in_a_circle_end_the_search() -> None:
    first, second = chain(2)
    Issue.objects.filter(pk=first.pk).update(parent=second)
    assert pause_hold_of(first.company_id, first.pk) is None


def test_only_done_resolves_a_blocker() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    blockers = {status: IssueFactory(company=agent.company, status=status) for status in IssueStatus}
    for blocker in blockers.values():
        IssueRelationFactory(blocked=issue, blocker=blocker)
    named = {blocker["id"] for blocker in unresolved_blockers(issue.company_id, issue.pk)}
    assert named == {str(blocker.pk) for status, blocker in blockers.items() if status != IssueStatus.DONE}


def test_many_issues_cost_one_statement_and_other_companies_are_not_seen() -> None:
    mine, foreign = IssueFactory(), IssueFactory()
    with counted() as statements:
        found = readiness_of(mine.company_id, [mine.pk, foreign.pk])
    assert (set(found), len(statements)) == ({mine.pk}, 1)
    assert found[mine.pk].dependency_ready
    with counted() as nothing:
        assert readiness_of(mine.company_id, []) == {}
    assert len(nothing) == 0
