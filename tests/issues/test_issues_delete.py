"""Deleting issues and linking approvals over HTTP (spec/4 section 4; 16, fault 14)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.actors import Actor, ActorSource
from agents.announcements import ApprovalRequested, approval_requested
from agents.models import ActivityEvent
from agents.vocabulary import ApprovalType
from config.common.clock import utc_now
from config.common.wire.errors import NotFound
from issues.models import Issue, IssueApproval
from tests.factories.agents import ApprovalFactory
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import IssueCommentFactory, IssueFactory, assigned_to
from tests.issues.conftest import Shop

pytestmark = pytest.mark.django_db


def test_a_bare_issue_is_deleted_and_the_log_keeps_its_name(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    answer = shop.owner.delete(f"/api/issues/{issue.pk}")
    assert (answer.status_code, answer.json()["identifier"]) == (200, issue.identifier)
    row = ActivityEvent.objects.get(action="issue.deleted")
    assert (row.entity_id, (row.details or {})["identifier"]) == (str(issue.pk), issue.identifier)
    assert shop.owner.get(f"/api/issues/{issue.pk}").json() == {"error": "Issue not found"}


def test_what_hangs_on_an_issue_is_409_and_counted(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    IssueFactory(company=shop.company, parent=issue)
    IssueCommentFactory(issue=issue)
    answer = shop.owner.delete(f"/api/issues/{issue.pk}")
    assert answer.status_code == 409
    assert answer.json()["details"] == {"children": 1, "comments": 1, "documents": 0, "workProducts": 0}


def test_a_person_deletes_the_whole_tree_when_asked(shop: Shop) -> None:
    top = IssueFactory(company=shop.company)
    IssueCommentFactory(issue=IssueFactory(company=shop.company, parent=IssueFactory(company=shop.company, parent=top)))
    other = IssueFactory(company=shop.company)
    assert shop.worker_key.delete(f"/api/issues/{top.pk}?tree=true").status_code == 403
    assert shop.owner.delete(f"/api/issues/{top.pk}?tree=true").status_code == 200
    assert list(Issue.objects.values_list("pk", flat=True)) == [other.pk]
    assert ActivityEvent.objects.filter(action="issue.deleted").count() == 3


def test_a_live_run_keeps_its_issue(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    HeartbeatRunFactory(agent=shop.worker, issue=issue)
    for address in (f"/api/issues/{issue.pk}", f"/api/issues/{issue.pk}?tree=true"):
        assert shop.owner.delete(address).status_code == 409


def test_agents_delete_by_the_mutation_rule(shop: Shop) -> None:
    theirs, mine = assigned_to(shop.mate), assigned_to(shop.worker)
    assert shop.worker_key.delete(f"/api/issues/{theirs.pk}").status_code == 403
    assert shop.worker_key.delete(f"/api/issues/{mine.pk}").status_code == 200


def test_leaders_link_and_unlink_approvals(shop: Shop) -> None:
    issue, approval = IssueFactory(company=shop.company), ApprovalFactory(company=shop.company)
    address, body = f"/api/issues/{issue.pk}/approvals", {"approvalId": str(approval.pk)}
    assert shop.worker_key.post(address, body, format="json").status_code == 403
    for _ in range(2):
        linked = shop.ceo_key.post(address, body, format="json")
        assert (linked.status_code, [row["id"] for row in linked.json()]) == (201, [str(approval.pk)])
    assert ActivityEvent.objects.filter(action="issue.approval_linked").count() == 1
    assert shop.owner.delete(f"{address}/{approval.pk}").json() == {"ok": True}
    assert shop.owner.get(address).json() == []
    foreign = {"approvalId": str(ApprovalFactory().pk)}
    assert shop.owner.post(address, foreign, format="json").json() == {"error": "Approval not found"}


def test_a_new_approval_is_linked_to_the_issues_it_names_or_refused(shop: Shop) -> None:
    issue, foreign = IssueFactory(company=shop.company), IssueFactory()
    approval = ApprovalFactory(company=shop.company)
    requested = ApprovalRequested(
        company_id=shop.company.pk,
        approval_id=approval.pk,
        issue_ids=(issue.pk,),
        actor=Actor(source=ActorSource.SESSION, user_id=shop.person.pk),
        now=utc_now(),
    )
    assert approval.type == ApprovalType.REQUEST_BOARD_APPROVAL
    approval_requested.tell(requested)
    assert IssueApproval.objects.get().issue_id == issue.pk
    with pytest.raises(NotFound):
        approval_requested.tell(replace(requested, issue_ids=(foreign.pk,)))


def test_the_history_of_an_issue_outlives_it_and_names_it(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    shop.owner.patch(f"/api/issues/{issue.pk}", {"title": "T"}, format="json")
    bare = ActivityEvent.objects.filter(action="issue.updated")
    bare.update(details=None)
    assert shop.owner.delete(f"/api/issues/{issue.pk}").status_code == 200
    row = bare.get()
    assert (row.issue_id, row.entity_id, row.details) == (None, str(issue.pk), {"identifier": issue.identifier})
