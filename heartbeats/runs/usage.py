"""Tokens and money of one run, from totals that an adapter reports per session (spec/2 I "Usage")."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from agents.vocabulary import BillingType
from heartbeats.readings import JsonObject, count_of, first_text, number_of

# Adapters whose tool begins to count at 0 in every run say so; without a word their counters are a session's totals.
PER_RUN = "per_run"

_BILLING = {
    "api": BillingType.METERED_API,
    "subscription": BillingType.SUBSCRIPTION_INCLUDED,
    **{member.value: member for member in BillingType},
}


@dataclass(frozen=True)
class Tokens:
    """Counts of one kind: raw totals of a session, or what one run used of them."""

    input: int = 0
    cached_input: int = 0
    output: int = 0

    @property
    def any(self) -> bool:
        """True if a single token was counted."""
        return bool(self.input or self.cached_input or self.output)


@dataclass(frozen=True, kw_only=True)
class SessionUse:
    """How the run came by its session, for the usage record."""

    persisted_session_id: str | None
    session_reused: bool
    task_session_reused: bool
    rotated: bool
    rotation_reason: str | None = None


@dataclass(frozen=True)
class Usage:
    """What one run used: normalised tokens, billed cents, and the record to keep. A cost event is written if due."""

    tokens: Tokens | None
    record: JsonObject | None
    provider: str
    biller: str
    model: str
    billing_type: BillingType
    billed_cents: int

    @property
    def is_cost(self) -> bool:
        """True if there is money or tokens to write a cost event for."""
        return self.billed_cents > 0 or (self.tokens is not None and self.tokens.any)


def reported_tokens(usage: Mapping[str, Any] | None) -> Tokens | None:
    """What the adapter reported, or None if it reported nothing. Garbage counts as 0."""
    if usage is None:
        return None
    return Tokens(
        count_of(usage.get("inputTokens")),
        count_of(usage.get("cachedInputTokens")),
        count_of(usage.get("outputTokens")),
    )


def recorded_raw_tokens(record: Mapping[str, Any] | None) -> Tokens | None:
    """The raw totals in a run's usage record (the plain counts in older ones); None when all are 0."""
    if not record:
        return None
    tokens = Tokens(
        count_of(record.get("rawInputTokens"), count_of(record.get("inputTokens"))),
        count_of(record.get("rawCachedInputTokens"), count_of(record.get("cachedInputTokens"))),
        count_of(record.get("rawOutputTokens"), count_of(record.get("outputTokens"))),
    )
    return tokens if tokens.any else None


def tokens_used(current: Tokens | None, previous: Tokens | None) -> Tokens | None:
    """The difference of two totals, per counter. A counter that fell began anew, so it counts whole."""
    if current is None or previous is None:
        return current
    return Tokens(
        _delta(current.input, previous.input),
        _delta(current.cached_input, previous.cached_input),
        _delta(current.output, previous.output),
    )


def billing_type_of(value: object) -> BillingType:
    """The billing type behind an adapter's word for it."""
    return _BILLING.get(value, BillingType.UNKNOWN) if isinstance(value, str) else BillingType.UNKNOWN


def billed_cents(cost_usd: object, billing_type: BillingType) -> int:
    """The cost in whole cents, half a cent rounded up; never negative. What a subscription includes costs nothing."""
    cost = number_of(cost_usd, 0)
    if billing_type == BillingType.SUBSCRIPTION_INCLUDED or cost <= 0 or not math.isfinite(cost):
        return 0
    return int((Decimal(repr(cost)) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def settle_usage(result: Mapping[str, Any], *, previous_record: Mapping[str, Any] | None, session: SessionUse) -> Usage:
    """The usage of a run from its adapter result (``usage``, ``costUsd``, ``provider``, ``biller``, ``model`` …).

    ``previous_record`` is the usage record of the latest earlier run of the same persisted session and company. With
    ``usageBasis`` ``per_run`` the counters are this run's already, and nothing is taken off them.
    """
    raw_usage = result.get("usage")
    raw = reported_tokens(raw_usage if isinstance(raw_usage, Mapping) else None)
    cumulative = bool(session.persisted_session_id) and result.get("usageBasis") != PER_RUN
    previous = recorded_raw_tokens(previous_record) if cumulative else None
    used = tokens_used(raw, previous)
    provider = first_text(result.get("provider")) or "unknown"
    billing = billing_type_of(result.get("billingType"))
    usage = Usage(
        tokens=used,
        record=None,
        provider=provider,
        biller=first_text(result.get("biller"), result.get("provider")) or "unknown",
        model=first_text(result.get("model")) or "unknown",
        billing_type=billing,
        billed_cents=billed_cents(result.get("costUsd"), billing),
    )
    record = _record(usage, raw, result.get("costUsd"), session, derived=raw is not None and previous is not None)
    return Usage(**{**usage.__dict__, "record": record})


def _delta(current: int, previous: int) -> int:
    return current - previous if current >= previous else current


def _record(
    usage: Usage, raw: Tokens | None, cost_usd: object, session: SessionUse, *, derived: bool
) -> JsonObject | None:
    if raw is None and cost_usd is None:
        return None
    record: JsonObject = {}
    if usage.tokens is not None:
        record.update(_named(usage.tokens, "inputTokens", "cachedInputTokens", "outputTokens"))
    if raw is not None:
        record.update(_named(raw, "rawInputTokens", "rawCachedInputTokens", "rawOutputTokens"))
    if derived:
        record["usageSource"] = "session_delta"
    if session.persisted_session_id:
        record["persistedSessionId"] = session.persisted_session_id
    if cost_usd is not None:
        record["costUsd"] = number_of(cost_usd, 0)
    return {
        **record,
        "sessionReused": session.session_reused,
        "taskSessionReused": session.task_session_reused,
        "freshSession": not session.session_reused,
        "sessionRotated": session.rotated,
        "sessionRotationReason": session.rotation_reason,
        "provider": usage.provider,
        "biller": usage.biller,
        "model": usage.model,
        "billingType": usage.billing_type.value,
    }


def _named(tokens: Tokens, *names: str) -> JsonObject:
    return dict(zip(names, (tokens.input, tokens.cached_input, tokens.output), strict=True))
