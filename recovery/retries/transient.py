"""Recognising a failure that will pass by itself, and what its retry is told (spec/3 B)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from heartbeats.runs.releasing import error_family_of
from heartbeats.vocabulary import ErrorFamily, RetryReason
from recovery.retries.ladder import RetryScheduled, codex_fallback
from recovery.retries.not_before import parse_not_before


@dataclass(frozen=True)
class TransientContract:
    """The upstream failed, not the work; it may have said when to come back."""

    retry_not_before: datetime | None = None
    family: ErrorFamily = ErrorFamily.TRANSIENT_UPSTREAM


def transient_contract(error_code: str | None, result: Mapping[str, object] | None) -> TransientContract | None:
    """The contract of a transient upstream failure, or None for any other. An unreadable hint counts as none."""
    if error_family_of(error_code, result) != ErrorFamily.TRANSIENT_UPSTREAM:
        return None
    told = result or {}
    hint = told.get("retryNotBefore")
    return TransientContract(parse_not_before(told.get("transientRetryNotBefore") if hint is None else hint))


def retry_facts(
    schedule: RetryScheduled, contract: TransientContract | None, *, adapter_type: str, retry_of_run: UUID | str
) -> dict[str, object]:
    """What the retry's context and its wakeup's payload both carry. The fallback ladder needs the contract."""
    facts: dict[str, object] = {
        "retryOfRunId": str(retry_of_run),
        "retryReason": RetryReason.TRANSIENT_FAILURE.value,
        "scheduledRetryAttempt": schedule.attempt,
        "scheduledRetryAt": iso_utc(schedule.due_at),
    }
    if contract is None:
        return facts
    facts["errorFamily"] = contract.family.value
    if contract.retry_not_before is not None:
        facts["transientRetryNotBefore"] = iso_utc(contract.retry_not_before)
    fallback = codex_fallback(adapter_type, schedule.attempt)
    if fallback is not None:
        facts["codexTransientFallbackMode"] = fallback.value
    return facts


def iso_utc(moment: datetime) -> str:
    """An aware UTC datetime in the wire form, milliseconds and `Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
