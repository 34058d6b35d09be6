"""The heartbeat's decision (spec/1 C): the six rows, and what can never be built."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.heartbeat_decision import (
    REPORTABLE,
    Changed,
    Gone,
    PresenceReason,
    Unchanged,
    decide_heartbeat,
    status_after_presence,
)
from agents.vocabulary import NOT_INVOKABLE, AgentStatus, ErrorSeverity, Presence

P = Presence
WARNING, FATAL = ErrorSeverity.WARNING, ErrorSeverity.FATAL
PAYLOADS = st.sampled_from(sorted(REPORTABLE))
STORED = st.sampled_from(list(Presence))
SEVERITIES = st.none() | st.sampled_from(list(ErrorSeverity))


@pytest.mark.parametrize("severity", [None, WARNING])
@pytest.mark.parametrize("payload", sorted(REPORTABLE))
def test_row_1_the_stored_presence_again_is_a_no_op(payload: Presence, severity: ErrorSeverity | None) -> None:
    assert decide_heartbeat(payload=payload, severity=severity, stored=payload) == Unchanged(payload)


@pytest.mark.parametrize("severity", [None, WARNING])
def test_row_2_another_presence_is_a_transition(severity: ErrorSeverity | None) -> None:
    decision = decide_heartbeat(payload=P.ONLINE, severity=severity, stored=P.OFFLINE)
    assert decision == Changed(P.OFFLINE, P.ONLINE, PresenceReason.HEARTBEAT_STATUS)
    assert not decision.fails_runs
    assert not decision.is_recovery


def test_row_2_from_error_it_is_a_recovery() -> None:
    decision = decide_heartbeat(payload=P.BUSY, severity=WARNING, stored=P.ERROR)
    assert decision == Changed(P.ERROR, P.BUSY, PresenceReason.HEARTBEAT_STATUS)
    assert decision.is_recovery


@pytest.mark.parametrize("payload", sorted(REPORTABLE))
def test_row_3_a_fatal_error_leads_to_error_and_fails_runs(payload: Presence) -> None:
    decision = decide_heartbeat(payload=payload, severity=FATAL, stored=P.BUSY)
    assert decision == Changed(P.BUSY, P.ERROR, PresenceReason.FATAL_ERROR)
    assert decision.fails_runs


@pytest.mark.parametrize("payload", sorted(REPORTABLE))
def test_row_4_a_repeated_fatal_error_fails_whatever_is_still_active(payload: Presence) -> None:
    decision = decide_heartbeat(payload=payload, severity=FATAL, stored=P.ERROR)
    assert decision == Unchanged(P.ERROR, fails_runs=True)


@pytest.mark.parametrize("severity", [None, WARNING])
def test_row_5_error_without_a_fatal_error_fails_no_run_now(severity: ErrorSeverity | None) -> None:
    decision = decide_heartbeat(payload=P.ERROR, severity=severity, stored=P.ONLINE)
    assert decision == Changed(P.ONLINE, P.ERROR, PresenceReason.HEARTBEAT_STATUS)
    assert not decision.fails_runs


@given(PAYLOADS, SEVERITIES)
def test_row_6_a_row_that_is_gone_decides_nothing(payload: Presence, severity: ErrorSeverity | None) -> None:
    assert decide_heartbeat(payload=payload, severity=severity, stored=None) == Gone()


@given(PAYLOADS, SEVERITIES, STORED)
def test_the_effective_presence_is_error_if_and_only_if_fatal_or_payload_error(
    payload: Presence, severity: ErrorSeverity | None, stored: Presence
) -> None:
    decision = decide_heartbeat(payload=payload, severity=severity, stored=stored)
    assert not isinstance(decision, Gone)
    assert (decision.presence is P.ERROR) == (severity is FATAL or payload is P.ERROR)


@given(PAYLOADS, SEVERITIES, STORED)
def test_it_is_a_transition_if_and_only_if_the_presence_differs(
    payload: Presence, severity: ErrorSeverity | None, stored: Presence
) -> None:
    decision = decide_heartbeat(payload=payload, severity=severity, stored=stored)
    assert not isinstance(decision, Gone)
    assert isinstance(decision, Changed) == (decision.presence is not stored)
    assert decision.fails_runs == (severity is FATAL)
    if isinstance(decision, Changed):
        assert decision.before is stored


def test_an_agent_cannot_report_offline() -> None:
    with pytest.raises(ValueError, match="cannot report offline"):
        decide_heartbeat(payload=P.OFFLINE, severity=None, stored=P.ONLINE)


def test_contradictions_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="to itself"):
        Changed(P.BUSY, P.BUSY, PresenceReason.SILENT)
    with pytest.raises(ValueError, match="leads to"):
        Changed(P.ERROR, P.BUSY, PresenceReason.FATAL_ERROR)
    with pytest.raises(ValueError, match="only a fatal error"):
        Unchanged(P.BUSY, fails_runs=True)


@pytest.mark.parametrize("status", sorted(set(AgentStatus) - NOT_INVOKABLE))
def test_presence_error_makes_the_status_error(status: AgentStatus) -> None:
    assert status_after_presence(status, before=P.BUSY, after=P.ERROR, running_runs=1) is AgentStatus.ERROR


@pytest.mark.parametrize(("running_runs", "status"), [(0, AgentStatus.IDLE), (2, AgentStatus.RUNNING)])
@pytest.mark.parametrize("after", [P.ONLINE, P.OFFLINE])
def test_leaving_error_makes_it_idle_or_running_by_its_runs(
    running_runs: int, status: AgentStatus, after: Presence
) -> None:
    assert status_after_presence(AgentStatus.ERROR, before=P.ERROR, after=after, running_runs=running_runs) is status


@given(st.sampled_from(sorted(NOT_INVOKABLE)), STORED, STORED, st.integers(0, 3))
def test_paused_pending_and_terminated_stay(status: AgentStatus, before: Presence, after: Presence, runs: int) -> None:
    assert status_after_presence(status, before=before, after=after, running_runs=runs) is status


@given(st.sampled_from(list(AgentStatus)))
def test_between_other_presences_the_status_stays(status: AgentStatus) -> None:
    assert status_after_presence(status, before=P.ONLINE, after=P.BUSY, running_runs=0) is status
