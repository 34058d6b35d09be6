"""Log rows of one transaction, written together or at once."""

from __future__ import annotations

import pytest
from django.db import transaction

from agents.journal import emit, gathering, written_together
from agents.models import Company, LiveEvent
from agents.vocabulary import LiveEventType
from tests.factories.agents import CompanyFactory
from tests.statements import counted

pytestmark = pytest.mark.django_db


def tell(company: Company, *words: str) -> None:
    for word in words:
        emit(company.pk, LiveEventType.ISSUE_CHANGED, {"word": word})


def fail_after(company: Company) -> None:
    tell(company, "undone")
    raise LookupError


def said() -> list[str]:
    return [event.payload["word"] for event in LiveEvent.objects.order_by("id")]


def test_rows_of_a_block_are_inserted_in_order_with_one_statement_when_it_ends() -> None:
    company = CompanyFactory()
    with counted() as statements, written_together():
        tell(company, "a", "b")
        with written_together():
            tell(company, "c")
        assert not said()
    assert said() == ["a", "b", "c"]
    assert sum("INSERT" in sql for sql in statements.sql) == 1, statements.report()


def test_a_block_that_raises_inserts_nothing() -> None:
    company = CompanyFactory()
    with pytest.raises(LookupError), written_together():
        fail_after(company)
    assert said() == []
    assert not gathering()


def test_a_row_under_a_savepoint_goes_where_the_savepoint_goes() -> None:
    company = CompanyFactory()
    with written_together():
        with pytest.raises(LookupError), transaction.atomic():
            fail_after(company)
        with transaction.atomic(savepoint=False):
            tell(company, "kept")
    assert said() == ["kept"]
