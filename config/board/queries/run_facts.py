"""Everything else about a run, grouped: context, usage and cost, session, process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.urls import reverse

from agents.models import CostEvent
from agents.scrubbing import scrub
from config.board.words.reasons import cause_words, plain
from heartbeats.board.page_parts import Fact, FactGroup
from heartbeats.board.wording import bytes_words, cents_words
from heartbeats.models import HeartbeatRun

MOST_JSON = 6_000


def run_facts(run: HeartbeatRun) -> tuple[FactGroup, ...]:
    """The groups that have something to say. One statement."""
    cost = CostEvent.objects.filter(run=run, company_id=run.company_id).order_by("-occurred_at").first()
    groups = (
        FactGroup("Usage and cost", tuple(_usage(run, cost))),
        FactGroup("Session", tuple(_session(run))),
        FactGroup("Process", tuple(_process(run))),
        FactGroup("Context", tuple(_context(run))),
    )
    return tuple(group for group in groups if group.facts)


def _usage(run: HeartbeatRun, cost: CostEvent | None) -> Iterator[Fact]:
    if cost is not None:
        yield Fact("Cost", cents_words(cost.cost_cents))
        yield Fact("Model", f"{cost.model} ({cost.provider})")
        yield Fact("Tokens", _tokens(cost.input_tokens, cost.cached_input_tokens, cost.output_tokens))
    elif isinstance(run.usage, Mapping):
        counts = [(key, value) for key, value in run.usage.items() if isinstance(value, int | float | str) and value]
        for key, value in counts[:8]:
            yield Fact(_words(key), f"{value:,}" if isinstance(value, int) else str(value))


def _tokens(given: int, cached: int, made: int) -> str:
    return f"{given:,} in ({cached:,} cached), {made:,} out"


def _words(key: str) -> str:
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in key)
    return plain(spaced).capitalize()


def _session(run: HeartbeatRun) -> Iterator[Fact]:
    before, after = run.session_id_before, run.session_id_after
    if before and before == after:
        yield Fact("Continued", before, "mono")
        return
    if before:
        yield Fact("Resumed", before, "mono")
    if after:
        yield Fact("Left", after, "mono")


def _process(run: HeartbeatRun) -> Iterator[Fact]:
    if run.executor_host:
        yield Fact("Host", run.executor_host)
        yield Fact("Epoch", str(run.epoch))
    if run.lease_expires_at and run.finished_at is None:
        yield Fact("Lease ends", at=run.lease_expires_at)
    if run.process_pid:
        group = f", group {run.process_group_id}" if run.process_group_id else ""
        yield Fact("Process", f"{run.process_pid}{group}", "mono")
    if run.external_run_id:
        yield Fact("External run", run.external_run_id, "mono")
    if run.exit_code is not None or run.signal:
        yield Fact("Exit", run.signal or str(run.exit_code), "mono")
    if run.log_bytes:
        cut = f", cut at {bytes_words(run.log_truncated_at)}" if run.log_truncated_at else ""
        yield Fact("Log", f"{bytes_words(run.log_bytes)}{cut}")
    if run.log_sha256:
        yield Fact("Log hash", f"sha256 {run.log_sha256[:16]}…", "mono")


def _context(run: HeartbeatRun) -> Iterator[Fact]:
    yield Fact("Woken by", cause_words(run.wake_reason, run.invocation_source))
    yield Fact("Adapter", run.adapter_type, "mono")
    if run.error:
        yield Fact("Error", run.error[:MOST_JSON])
    if run.next_action:
        yield Fact("It said next", run.next_action)
    if run.liveness_reason:
        yield Fact("Judged", run.liveness_reason)
    if run.retry_of_run_id:
        yield Fact("Retry of", str(run.retry_of_run_id), url=reverse("run_page", args=[run.retry_of_run_id]))
    if run.result:
        yield Fact("Result", _json(run.result), "json")
    if run.context:
        yield Fact("Handed over", _json(run.context), "json")


def _json(value: Any) -> str:  # noqa: ANN401 - JSON
    text = json.dumps(scrub(value), indent=2, ensure_ascii=False, default=str)
    return text if len(text) <= MOST_JSON else f"{text[:MOST_JSON]}\n…"
