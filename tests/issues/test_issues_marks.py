"""What a person has read and put away: `read`, `inbox-archive`, and the lists that heed them (spec/4 section 4)."""

from __future__ import annotations

from typing import Any

import pytest

from issues.models import InboxMark
from tests.factories.agents import MemberFactory
from tests.factories.issues import IssueCommentFactory, IssueFactory
from tests.issues.conftest import Shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(shop: Shop) -> Any:
    """An issue of the person's on which an agent spoke."""
    issue = IssueFactory(company=shop.company, created_by_user=shop.person)
    IssueCommentFactory(issue=issue, author_agent=shop.worker)
    return issue


def titles(shop: Shop, **asked: str) -> list[str]:
    return [row["id"] for row in shop.owner.get(shop.issues, asked).json()]


def test_reading_ends_unread_until_somebody_speaks_again(shop: Shop, heard: Any) -> None:
    assert titles(shop, unreadForUserId="me") == [str(heard.pk)]
    read = shop.owner.post(f"/api/issues/{heard.identifier}/read")
    body = read.json()
    assert (read.status_code, body["issueId"], body["userId"]) == (200, str(heard.pk), str(shop.person.pk))
    assert body["lastReadAt"] is not None
    assert titles(shop, unreadForUserId="me") == []
    IssueCommentFactory(issue=heard, author_agent=shop.worker)
    assert titles(shop, unreadForUserId="me") == [str(heard.pk)]


def test_who_answers_has_read(shop: Shop, heard: Any) -> None:
    IssueCommentFactory(issue=heard, author_user=shop.person)
    assert titles(shop, unreadForUserId="me") == []


def test_unread_takes_the_mark_back(shop: Shop, heard: Any) -> None:
    url = f"/api/issues/{heard.pk}/read"
    shop.owner.post(url)
    assert [shop.owner.delete(url).json()["removed"] for _ in range(2)] == [True, False]
    assert titles(shop, unreadForUserId="me") == [str(heard.pk)]


def test_what_is_archived_is_out_of_the_inbox_until_something_happens(shop: Shop, heard: Any) -> None:
    asked = {"touchedByUserId": "me", "inboxArchivedByUserId": "me"}
    mine = f"/api/agents/me/inbox/mine?userId={shop.person.pk}"
    before = heard.updated_at
    body = shop.owner.post(f"/api/issues/{heard.pk}/inbox-archive").json()
    assert (body["issueId"], body["archivedAt"] is not None) == (str(heard.pk), True)
    assert titles(shop, **asked) == []
    assert shop.worker_key.get(mine).json() == []
    assert titles(shop, touchedByUserId="me") == [str(heard.pk)]
    heard.refresh_from_db()
    assert heard.updated_at == before
    shop.worker_key.patch(f"/api/issues/{heard.pk}", {"title": "News"}, format="json")
    assert titles(shop, **asked) == [str(heard.pk)]


def test_unarchiving_brings_it_back(shop: Shop, heard: Any) -> None:
    url = f"/api/issues/{heard.pk}/inbox-archive"
    shop.owner.post(url)
    assert shop.owner.delete(url).json()["removed"] is True
    assert titles(shop, inboxArchivedByUserId="me") == [str(heard.pk)]


def test_marks_are_a_persons_own(shop: Shop, heard: Any) -> None:
    other = MemberFactory(company=shop.company).user
    InboxMark.objects.create(company=shop.company, issue=heard, user=other, read_at=heard.updated_at)
    assert titles(shop, unreadForUserId="me") == [str(heard.pk)]
    for method in ("post", "delete"):
        for route in ("read", "inbox-archive"):
            refused = getattr(shop.worker_key, method)(f"/api/issues/{heard.pk}/{route}")
            assert (refused.status_code, refused.json()) == (403, {"error": "Board access required"})


def test_a_list_of_mine_says_what_is_new_to_me(shop: Shop, heard: Any) -> None:
    (row,) = shop.owner.get(shop.issues, {"touchedByUserId": "me"}).json()
    assert (row["isUnreadForMe"], row["myLastTouchAt"]) == (True, None)
    assert row["lastExternalCommentAt"] is not None
    shop.owner.post(f"/api/issues/{heard.pk}/read")
    (row,) = shop.owner.get(shop.issues, {"touchedByUserId": "me"}).json()
    assert (row["isUnreadForMe"], row["myLastTouchAt"] is not None) == (False, True)
