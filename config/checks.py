"""System checks: settings that are legal one by one and nonsense together are refused at start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from config.env import Timings
from heartbeats.intake.authentication import SEEN_EVERY
from heartbeats.intake.pacing import longest_pause

BEATS_PER_LEASE = 3


@register(Tags.compatibility)
def check_timings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:  # noqa: ANN401, ARG001
    """The timings of spec/6 section 2 must leave room for each other."""
    return list(timing_problems(settings.TIMINGS))


def timing_problems(timings: Timings) -> Iterator[CheckMessage]:
    """Each rule that these timings break."""
    if timings.lease < BEATS_PER_LEASE * timings.renew_every:
        yield Error(
            f"A lease of {timings.lease:g} s is shorter than three renewals of {timings.renew_every:g} s.",
            hint="Raise EVERBEAT_LEASE_SEC or lower EVERBEAT_RENEW_SEC: one lost renewal must not cost a run.",
            id="everbeat.E001",
        )
    if not timings.renew_every < timings.lease - timings.self_stop_before:
        yield Error(
            "A supervisor would stop its runs before it had tried to renew twice.",
            hint="Lower EVERBEAT_SELF_STOP_MARGIN_SEC or EVERBEAT_RENEW_SEC.",
            id="everbeat.E002",
        )
    if timings.sweep_every > timings.self_stop_before:
        yield Error(
            f"A sweep every {timings.sweep_every:g} s comes too late for a margin of {timings.self_stop_before:g} s.",
            hint="Law 3: who cannot renew stops before others may take over. Lower EVERBEAT_SWEEP_SEC.",
            id="everbeat.E003",
        )
    told = longest_pause(timings) + SEEN_EVERY.total_seconds()
    if timings.silence_after <= told:
        yield Error(
            f"An agent would count as silent after {timings.silence_after:g} s, but one that does as it is told may be "
            f"seen only every {told:g} s.",
            hint="Raise EVERBEAT_AGENT_SILENCE_SEC: it must exceed the longest pause between heartbeats (3.3 times "
            "EVERBEAT_RENEW_SEC) and the 5 s in which a repeated heartbeat is not noted again.",
            id="everbeat.E004",
        )
