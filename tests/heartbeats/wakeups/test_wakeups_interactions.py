from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.wakeups.context import merge_coalesced
from heartbeats.wakeups.interactions import Requester, SpokenComment, is_verified_interaction

COMMENT = SpokenComment("c1", "co1", "i1", "user", "u1")
AUTHOR = Requester("user", "u1")
CONTEXT = {"wakeReason": "issue_commented", "source": "issue.comment", "commentId": "c1"}


def verified(context: Any = CONTEXT, comment: SpokenComment | None = COMMENT, *requesters: Requester) -> bool:
    return is_verified_interaction(
        context, company_id="co1", issue_id="i1", comment=comment, requesters=requesters or (AUTHOR,)
    )


@pytest.mark.parametrize(
    ("reason", "source"),
    [
        ("issue_commented", "issue.comment"),
        ("issue_reopened_via_comment", "issue.comment.reopen"),
        ("issue_comment_mentioned", "comment.mention"),
    ],
)
def test_the_source_must_belong_to_the_reason(reason: str, source: str) -> None:
    assert verified({**CONTEXT, "wakeReason": reason, "source": source})
    assert not verified({**CONTEXT, "wakeReason": reason, "source": "issue.update"})
    assert not verified({**CONTEXT, "wakeReason": reason, "source": ["issue.comment"]})


def test_other_reasons_are_never_verified() -> None:
    assert not verified({**CONTEXT, "wakeReason": "issue_assigned"})


@pytest.mark.parametrize(
    "comment",
    [
        None,
        replace(COMMENT, id="c2"),
        replace(COMMENT, company_id="co2"),
        replace(COMMENT, issue_id="i2"),
    ],
)
def test_the_comment_must_exist_on_this_issue_of_this_company(comment: SpokenComment | None) -> None:
    assert not verified(CONTEXT, comment)


@pytest.mark.parametrize(
    ("requester", "allowed"),
    [
        (AUTHOR, True),
        (Requester("system"), True),
        (Requester("user", "u2"), False),
        (Requester("agent", "u1"), False),
        (Requester("user", None), False),
        (Requester(None, None), False),
    ],
)
def test_only_the_author_or_the_system_may_request_it(requester: Requester, allowed: bool) -> None:
    assert verified(CONTEXT, COMMENT, requester) is allowed


def test_a_comment_of_nobody_is_not_requested_by_nobody() -> None:
    assert not verified(CONTEXT, replace(COMMENT, author_type=None, author_id=None), Requester(None, None))


def test_one_of_several_coalesced_requesters_is_enough() -> None:
    assert verified(CONTEXT, COMMENT, Requester("agent", "a1"), AUTHOR)


def test_an_interaction_stays_verified_after_another_wake_joined_its_run() -> None:
    joined = merge_coalesced(CONTEXT, {"wakeReason": "issue_assigned", "source": "issue.update"})
    assert verified(joined)
    assert verified(merge_coalesced({"wakeReason": "issue_assigned", "source": "issue.update"}, CONTEXT))


@given(st.dictionaries(st.sampled_from(["wakeReason", "source", "commentId", "wakeCommentIds"]), st.integers()))
def test_garbage_is_never_verified(context: dict[str, int]) -> None:
    assert not verified(context)
