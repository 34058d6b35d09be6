from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issues.vocabulary import Priority
from recovery.organisation import AgentNode, Organisation
from recovery.silence.level import Silence, SilenceLevel
from recovery.silence.scan import (
    Evaluation,
    ScanAction,
    ScanDecision,
    ScanReport,
    decide_scan,
    evaluation_owner_order,
)

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
SINCE = NOW - timedelta(hours=2)
SUSPICIOUS = Silence(SilenceLevel.SUSPICIOUS, SINCE)
CRITICAL = Silence(SilenceLevel.CRITICAL, SINCE)
OPEN = Evaluation("e1", open=True, priority="medium", created_at=NOW)


def test_suspicion_opens_one_evaluation_of_medium_priority() -> None:
    assert decide_scan(SUSPICIOUS, None) == ScanDecision(ScanAction.CREATED, Priority.MEDIUM, blocks_source=False)


def test_silence_first_seen_as_critical_is_loud_from_the_start() -> None:
    assert decide_scan(CRITICAL, None) == ScanDecision(ScanAction.CREATED, Priority.HIGH, blocks_source=True)


def test_an_open_evaluation_is_not_doubled() -> None:
    assert decide_scan(SUSPICIOUS, OPEN) == ScanDecision(ScanAction.EXISTING)


def test_crossing_critical_raises_priority_and_blocks_the_source_once() -> None:
    assert decide_scan(CRITICAL, OPEN) == ScanDecision(ScanAction.ESCALATED, Priority.HIGH, blocks_source=True)
    for priority in ("high", "critical"):
        assert decide_scan(CRITICAL, replace(OPEN, priority=priority)).action is ScanAction.EXISTING


def test_a_closed_evaluation_is_not_reopened_for_the_same_silence() -> None:
    for closed_at in (NOW, SINCE):
        closed = replace(OPEN, open=False, closed_at=closed_at)
        assert decide_scan(CRITICAL, closed) == ScanDecision(ScanAction.SKIPPED)


def test_new_silence_after_new_output_opens_a_new_evaluation() -> None:
    closed = replace(OPEN, open=False, closed_at=SINCE - timedelta(seconds=1))
    assert decide_scan(SUSPICIOUS, closed).action is ScanAction.CREATED


@pytest.mark.parametrize("level", [SilenceLevel.OK, SilenceLevel.NOT_APPLICABLE])
@pytest.mark.parametrize("evaluation", [None, OPEN])
def test_what_is_not_silent_is_skipped(level: SilenceLevel, evaluation: Evaluation | None) -> None:
    assert decide_scan(Silence(level, SINCE), evaluation) == ScanDecision(ScanAction.SKIPPED)


def test_a_snoozed_run_is_counted_as_such() -> None:
    assert decide_scan(Silence(SilenceLevel.SNOOZED, SINCE), None) == ScanDecision(ScanAction.SNOOZED)


def test_the_evaluation_goes_to_the_managers_before_the_chiefs() -> None:
    organisation = Organisation(
        [
            AgentNode("ceo", role="ceo"),
            AgentNode("cto", role="cto"),
            AgentNode("m1"),
            AgentNode("m2"),
            AgentNode("assignee", manager_id="m1"),
            AgentNode("runner", manager_id="m2"),
        ]
    )
    order = evaluation_owner_order(organisation, source_assignee_id="assignee", running_agent_id="runner")
    assert [agent.agent_id for agent in order] == ["m1", "m2", "cto", "ceo"]


@given(st.lists(st.sampled_from(list(ScanAction))))
def test_every_scanned_run_is_counted_once(actions: list[ScanAction]) -> None:
    report = ScanReport()
    for number, action in enumerate(actions):
        report = report.counting(action, str(number))
    parts = report.created + report.existing + report.escalated + report.snoozed + report.skipped
    assert report.scanned == parts == len(actions)
    assert len(report.evaluation_issue_ids) == report.created + report.escalated
