"""Keeping secrets out of what a command reports beside its log: a result file goes past the shim (spec/2 D)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog

from agents.secret_box import CannotOpen
from agents.secrets import resolve_bindings
from config.common.wire.errors import Unprocessable
from heartbeats.execution.orders import Orders
from heartbeats.execution.shim_parts.sanitise import Redactor, secret_forms
from heartbeats.runs.told import ExecutionResult

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def without_secrets(result: ExecutionResult, orders: Orders | None) -> ExecutionResult:
    """The result with every secret in its texts replaced. No statement for an attempt that was given none, else
    one for each.

    A secret that got another value or went away since the start cannot be recognised any more.
    """
    secrets = _opened(orders) if orders is not None else []
    if not secrets:
        return result
    forms = secret_forms(secrets)
    told = {name: _redacted(getattr(result, name), forms) for name in ("summary", "error_message", "result")}
    return replace(result, **told)


def _opened(orders: Orders) -> list[str]:
    opened: list[str] = []
    for name in orders.secrets:
        try:
            opened += resolve_bindings(orders.company_id, {name: {"type": "secret_ref", "name": name}}).values()
        except (Unprocessable, CannotOpen) as problem:
            log.warning("secret_not_recognisable", run_id=str(orders.run_id), why=str(problem))
    return opened


def _redacted(value: Any, forms: list[str]) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return Redactor(forms).feed(value, final=True)
    if isinstance(value, Mapping):
        return {_redacted(str(key), forms): _redacted(item, forms) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(item, forms) for item in value]
    return value
