from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.releasing import error_family_of
from heartbeats.vocabulary import ErrorFamily
from recovery.retries.ladder import RetryScheduled, plan_retry
from recovery.retries.not_before import parse_not_before
from recovery.retries.permanent import permanent_family, permanent_next_action
from recovery.retries.transient import TransientContract, iso_utc, retry_facts, transient_contract

NOW = datetime(2026, 4, 22, 10, 0, tzinfo=UTC)
WHEN = datetime(2026, 4, 22, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-04-22T16:00:00.000Z",
        "2026-04-22T16:00:00+00:00",
        "2026-04-22T18:00:00+02:00",
        "2026-04-22T16:00:00",
        "  2026-04-22 16:00  ",
        1_776_873_600,
        1_776_873_600.0,
        1_776_873_600_000,
        "1776873600",
        "1776873600000",
        "1776873600.0",
        WHEN,
        WHEN.replace(tzinfo=None),
        WHEN.astimezone(timezone(timedelta(hours=5))),
    ],
)
def test_not_before_is_read_from_iso_and_from_epoch(value: object) -> None:
    assert parse_not_before(value) == WHEN


@pytest.mark.parametrize(
    "value",
    [
        None, "", "soon", "tomorrow at nine", True, False, 0, -5, float("nan"), float("inf"), 10**30, "9" * 400,
        [], {}, b"2026", "2026-13-45", "0001-01-01T00:00:00+14:00", "١٢٣٤٥٦٧٨٩٠", object(),
    ],
)  # fmt: skip
def test_garbage_is_ignored(value: object) -> None:
    assert parse_not_before(value) is None


@given(st.one_of(st.text(), st.floats(), st.integers(), st.binary(), st.booleans(), st.datetimes(), st.none()))
def test_reading_never_raises_and_always_answers_in_utc(value: object) -> None:
    moment = parse_not_before(value)
    assert moment is None or moment.utcoffset() == timedelta(0)


@given(st.datetimes(min_value=datetime(1974, 1, 1), max_value=datetime(2500, 1, 1)))  # noqa: DTZ001
def test_what_we_write_we_can_read(naive: datetime) -> None:
    moment = naive.replace(microsecond=naive.microsecond // 1000 * 1000, tzinfo=UTC)
    assert parse_not_before(iso_utc(moment)) == moment
    assert parse_not_before(int(moment.timestamp())) == moment.replace(microsecond=0)


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("adapter_failed", {"errorFamily": "transient_upstream"}),
        ("codex_transient_upstream", None),
        ("claude_transient_upstream", {}),
        ("claude_transient_upstream", {"errorFamily": "  "}),
        (None, {"errorFamily": "transient_upstream"}),
    ],
)
def test_the_transient_contract_is_known_by_family_or_code(code: str | None, result: dict[str, object] | None) -> None:
    assert transient_contract(code, result) == TransientContract()


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (None, None),
        ("adapter_failed", {}),
        ("process_lost", {"retryNotBefore": "2026-04-22T16:00:00Z"}),
        ("codex_transient_upstream", {"errorFamily": "auth"}),
        ("adapter_failed", {"errorFamily": 7}),
    ],
)
def test_other_failures_have_no_transient_contract(code: str | None, result: dict[str, object] | None) -> None:
    assert transient_contract(code, result) is None


@pytest.mark.parametrize("key", ["retryNotBefore", "transientRetryNotBefore"])
def test_both_names_of_the_hint_are_read(key: str) -> None:
    contract = transient_contract(None, {"errorFamily": "transient_upstream", key: "2026-04-22T16:00:00Z"})
    assert contract is not None
    assert contract.retry_not_before == WHEN


def scheduled(previous: int, contract: TransientContract) -> RetryScheduled:
    plan = plan_retry(previous, now=NOW, sample=0.5, not_before=contract.retry_not_before)
    assert isinstance(plan, RetryScheduled)
    return plan


def test_context_and_payload_carry_the_contract_and_the_fallback() -> None:
    contract = TransientContract(WHEN)
    facts = retry_facts(scheduled(1, contract), contract, adapter_type="codex_local", retry_of_run="run-1")
    assert facts == {
        "retryOfRunId": "run-1",
        "retryReason": "transient_failure",
        "scheduledRetryAttempt": 2,
        "scheduledRetryAt": "2026-04-22T16:00:00.000Z",
        "errorFamily": "transient_upstream",
        "transientRetryNotBefore": "2026-04-22T16:00:00.000Z",
        "codexTransientFallbackMode": "safer_invocation",
    }


def test_claude_does_not_take_part_in_the_codex_ladder() -> None:
    contract = TransientContract(WHEN)
    facts = retry_facts(scheduled(0, contract), contract, adapter_type="claude_local", retry_of_run="run-1")
    assert "codexTransientFallbackMode" not in facts


def test_without_the_contract_there_is_no_fallback() -> None:
    facts = retry_facts(scheduled(0, TransientContract()), None, adapter_type="codex_local", retry_of_run="run-1")
    assert not {"codexTransientFallbackMode", "errorFamily", "transientRetryNotBefore"} & facts.keys()


@pytest.mark.parametrize("family", ErrorFamily.PERMANENT)
def test_permanent_families_are_not_retried_and_say_what_to_fix(family: str) -> None:
    known = permanent_family("adapter_failed", {"errorFamily": family})
    assert known == family
    assert known is not None
    assert transient_contract("codex_transient_upstream", {"errorFamily": family}) is None
    action = permanent_next_action(known, agent_name="Ada", adapter_type="codex_local")
    assert "Ada" in action
    assert "`codex_local`" in action


def test_each_permanent_family_has_its_own_next_action() -> None:
    families = [ErrorFamily(value) for value in ErrorFamily.PERMANENT]
    assert len({permanent_next_action(f, agent_name="Ada", adapter_type="x") for f in families}) == len(families)


@pytest.mark.parametrize("result", [None, {}, {"errorFamily": "transient_upstream"}, {"errorFamily": "weather"}])
def test_other_families_are_not_permanent(result: dict[str, object] | None) -> None:
    assert permanent_family("adapter_failed", result) is None


def test_the_family_that_the_result_names_wins_over_the_code() -> None:
    assert error_family_of("codex_transient_upstream", {"errorFamily": " billing "}) == "billing"
