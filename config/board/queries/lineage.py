"""The family of a run: the first attempt and every retry that came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from config.board.queries.rows import read
from config.board.words.reasons import after_words, plain
from heartbeats.board.run_page import LineageNode

MOST = 40

_FAMILY = """
with recursive up as (
    select id, retry_of_run_id, 0 as height from heartbeats_heartbeatrun where id = %(run)s and company_id = %(company)s
  union all
    select r.id, r.retry_of_run_id, up.height + 1
    from up join heartbeats_heartbeatrun r on r.id = up.retry_of_run_id and r.company_id = %(company)s
    where up.height < 40
), family as (
    (select id, 0 as depth from up order by height desc limit 1)
  union all
    select r.id, family.depth + 1
    from family join heartbeats_heartbeatrun r on r.retry_of_run_id = family.id and r.company_id = %(company)s
    where family.depth < 40
)
select r.id, r.status, r.retry_reason, r.scheduled_retry_attempt, r.retry_of_run_id, r.created_at, r.started_at,
       r.scheduled_retry_at, family.depth
from family join heartbeats_heartbeatrun r on r.id = family.id order by family.depth, r.created_at limit 40
"""


def family_of(company_id: UUID, run_id: UUID) -> list[dict[str, Any]]:
    """Every attempt, the first one first. One statement."""
    return read(_FAMILY, {"run": run_id, "company": company_id})


def lineage_of(family: list[dict[str, Any]], run_id: UUID) -> tuple[LineageNode, ...]:
    """The small graph; empty for a run that is nobody's retry and has none."""
    return tuple(_node(row, run_id) for row in family) if len(family) > 1 else ()


def retries_of(family: list[dict[str, Any]], run_id: UUID) -> list[dict[str, Any]]:
    """The attempts that this run triggered."""
    return [row for row in family if row["retry_of_run_id"] == run_id]


def _node(row: Mapping[str, Any], run_id: UUID) -> LineageNode:
    after = after_words(row["retry_reason"])
    cause = f"after {after}" if after else ("" if row["depth"] == 0 else plain("retry"))
    at = row["started_at"] or row["scheduled_retry_at"] or row["created_at"]
    return LineageNode(row["id"], row["status"], cause, at, row["depth"], current=row["id"] == run_id)
