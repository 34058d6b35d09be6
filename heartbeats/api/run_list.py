"""The list of runs, straight from the database: clients poll it, and objects in between cost more than the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from config.common.wire.camel import OpaqueList
from heartbeats.api.shapes import RUN_COLUMNS, list_row

_JSON = frozenset({"usage", "result", "context"})
_NAMES = [column for _, column in RUN_COLUMNS]
_JSON_AT = [place for place, column in enumerate(_NAMES) if column in _JSON]

_NEWEST = f"""
select {", ".join(_NAMES)} from heartbeats_heartbeatrun
where company_id = %(company)s {{of_agent}}
order by created_at desc, id desc limit %(limit)s
"""  # noqa: S608 - the names are our own columns
_OF_COMPANY = _NEWEST.format(of_agent="")
_OF_AGENT = _NEWEST.format(of_agent="and agent_id = %(agent)s")


def newest_runs(company_id: UUID, agent_id: UUID | None, *, limit: int) -> list[tuple[Any, ...]]:
    """Up to `limit` runs of the company, of one agent if that is given: the values of RUN_COLUMNS. One statement."""
    with connection.cursor() as cursor:
        sql = _OF_COMPANY if agent_id is None else _OF_AGENT
        cursor.execute(sql, {"company": company_id, "agent": agent_id, "limit": limit})
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def listed(rows: Sequence[tuple[Any, ...]]) -> OpaqueList:
    """The rows as the list shows them."""
    return OpaqueList([list_row(_with_json(row)) for row in rows])


def _with_json(row: tuple[Any, ...]) -> list[Any]:
    values = list(row)
    for place in _JSON_AT:
        if values[place] is not None:
            values[place] = orjson.loads(values[place])
    return values
