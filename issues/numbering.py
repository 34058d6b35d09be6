"""The number and the name of a new issue: one counter per company, taken under the company's row lock."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from config.common.wire.errors import NotFound

# The greatest number in use is asked too (one index probe), so that imported rows never stop the counter.
_TAKE = """
update agents_company c
set issue_counter = greatest(
    c.issue_counter, coalesce((select i.number from issues_issue i where i.company_id = c.id
                               order by i.number desc limit 1), 0)) + 1
where c.id = %s
returning c.issue_counter, c.issue_prefix
"""


@dataclass(frozen=True, slots=True)
class IssueNumber:
    """A number that no other issue of the company has, and the identifier made of it."""

    number: int
    identifier: str


def take_number(company_id: UUID) -> IssueNumber:
    """The company's next number; its row stays locked until the transaction ends. 404 for an unknown company."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [company_id])
        row = cursor.fetchone()
    if row is None:
        raise NotFound.of("Company")
    return IssueNumber(row[0], f"{row[1]}-{row[0]}")
