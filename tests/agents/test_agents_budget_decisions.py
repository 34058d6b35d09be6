"""Money rules (spec/2 K, spec/4 9): windows, thresholds, the order of blocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.budget_decisions import (
    CLEAR,
    BudgetStatus,
    Limit,
    ScopeFacts,
    Window,
    budget_status,
    invocation_block,
    lifts_pause,
    remaining_amount,
    thresholds_crossed,
    utilization_percent,
    window_of,
)
from agents.vocabulary import BudgetScope, BudgetThreshold, BudgetWindow, PauseReason

CENTS = st.integers(0, 10**12)
LIMITS = st.builds(Limit, CENTS, st.integers(1, 99), st.booleans())
FACTS = st.builds(ScopeFacts, st.booleans(), st.none() | st.sampled_from(list(PauseReason)), st.booleans())
BY_BUDGET = ScopeFacts(paused=True, pause_reason=PauseReason.BUDGET)
BY_HAND = ScopeFacts(paused=True, pause_reason=PauseReason.MANUAL)
EXCEEDED = ScopeFacts(exceeded=True)


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        (datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC), (2026, 2), (2026, 3)),
        (datetime(2026, 12, 1, tzinfo=UTC), (2026, 12), (2027, 1)),
        (datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), (2025, 12), (2026, 1)),
    ],
)
def test_a_month_is_the_calendar_month_in_utc(now: datetime, start: tuple[int, int], end: tuple[int, int]) -> None:
    expected = Window(datetime(*start, 1, tzinfo=UTC), datetime(*end, 1, tzinfo=UTC))
    assert window_of(BudgetWindow.CALENDAR_MONTH_UTC, now=now) == expected


def test_a_lifetime_has_no_bounds() -> None:
    assert window_of(BudgetWindow.LIFETIME, now=datetime(2026, 1, 1, tzinfo=UTC)) == Window(None, None)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_moment_is_in_its_month_and_months_meet(now: datetime) -> None:
    window = window_of(BudgetWindow.CALENDAR_MONTH_UTC, now=now)
    assert window.start is not None
    assert window.end is not None
    assert window.start <= now < window.end
    assert window_of(BudgetWindow.CALENDAR_MONTH_UTC, now=window.end).start == window.end


@pytest.mark.parametrize(
    ("limit", "observed", "status"),
    [
        (Limit(1000), 799, BudgetStatus.OK),
        (Limit(1000), 800, BudgetStatus.WARNING),
        (Limit(1000), 999, BudgetStatus.WARNING),
        (Limit(1000), 1000, BudgetStatus.HARD_STOP),
        (Limit(1000), 5000, BudgetStatus.HARD_STOP),
        (Limit(1000, hard_stop_enabled=False), 5000, BudgetStatus.WARNING),
        (Limit(1000, warn_percent=99), 989, BudgetStatus.OK),
        (Limit(0), 10**9, BudgetStatus.OK),
        (Limit(1), 0, BudgetStatus.OK),
    ],
)
def test_how_a_budget_stands(limit: Limit, observed: int, status: BudgetStatus) -> None:
    assert budget_status(limit, observed) is status


@given(LIMITS, CENTS, CENTS)
def test_more_spending_never_stands_better(limit: Limit, observed: int, more: int) -> None:
    order = list(BudgetStatus)
    assert order.index(budget_status(limit, observed)) <= order.index(budget_status(limit, observed + more))


@given(LIMITS, CENTS)
def test_thresholds_follow_the_status(limit: Limit, observed: int) -> None:
    assert (
        thresholds_crossed(limit, observed)
        == {
            BudgetStatus.OK: frozenset(),
            BudgetStatus.WARNING: {BudgetThreshold.SOFT},
            BudgetStatus.HARD_STOP: {BudgetThreshold.HARD},
        }[budget_status(limit, observed)]
    )


def test_utilization_and_remainder() -> None:
    assert utilization_percent(300, 100) == 33.33
    assert utilization_percent(100, 250) == 250.0
    assert utilization_percent(0, 250) == 0.0
    assert remaining_amount(100, 250) == 0
    assert remaining_amount(100, 40) == 60
    assert remaining_amount(0, 40) == 0


def test_raising_a_budget_resumes_only_what_budget_had_paused_and_only_above_spending() -> None:
    assert lifts_pause(PauseReason.BUDGET, Limit(200), 100)
    assert lifts_pause(PauseReason.BUDGET, Limit(0), 100)
    assert not lifts_pause(PauseReason.BUDGET, Limit(100), 100)
    assert not lifts_pause(PauseReason.MANUAL, Limit(200), 100)
    assert not lifts_pause(None, Limit(200), 100)


def test_blocks_come_in_the_order_company_agent_project() -> None:
    company = replace(BY_HAND, exceeded=True)
    agent = replace(BY_BUDGET, exceeded=True)
    project = replace(BY_HAND, exceeded=True)
    texts = []
    for facts in (
        {"company": company, "agent": agent, "project": project},
        {"company": EXCEEDED, "agent": agent, "project": project},
        {"agent": agent, "project": project},
        {"agent": EXCEEDED, "project": project},
        {"project": project},
        {"project": EXCEEDED},
    ):
        block = invocation_block(**facts)
        assert block is not None
        texts.append(block.text)
    assert texts == [
        "Company is paused.",
        "Company cannot start work because its budget is used up.",
        "Agent is paused because its budget hard-stop was reached.",
        "Agent cannot start work because its budget is used up.",
        "Project is paused.",
        "Project cannot start work because its budget is used up.",
    ]


def test_an_agent_paused_by_hand_is_not_a_budget_block() -> None:
    assert invocation_block(agent=BY_HAND) is None
    assert invocation_block(agent=replace(BY_HAND, exceeded=True)) is not None


@given(FACTS, FACTS, st.none() | FACTS)
def test_nothing_blocks_if_and_only_if_nothing_is_wrong(
    company: ScopeFacts, agent: ScopeFacts, project: ScopeFacts | None
) -> None:
    block = invocation_block(company=company, agent=agent, project=project)
    agent_blocks = agent.exceeded or (agent.paused and agent.pause_reason is PauseReason.BUDGET)
    others = [facts.paused or facts.exceeded for facts in (company, project or CLEAR)]
    assert (block is None) == (not agent_blocks and not any(others))
    if company.paused or company.exceeded:
        assert block is not None
        assert block.scope is BudgetScope.COMPANY
