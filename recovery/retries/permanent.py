"""Failures that no retry can mend: they escalate at once, and say what to fix (spec/3 K.7)."""

from __future__ import annotations

from collections.abc import Mapping

from heartbeats.runs.releasing import error_family_of
from heartbeats.vocabulary import ErrorFamily

_NEXT_ACTIONS = {
    ErrorFamily.AUTH: "Renew the credentials of {agent}'s `{adapter}` adapter: the provider refused them.",
    ErrorFamily.BILLING: "Restore the provider account that {agent}'s `{adapter}` adapter bills: it refused for lack "
    "of credit or quota.",
    ErrorFamily.MODEL_NOT_FOUND: "Choose a model that exists for {agent}'s `{adapter}` adapter: the provider does not "
    "know the configured one.",
    ErrorFamily.CONFIG: "Correct the configuration of {agent}'s `{adapter}` adapter: it cannot start as it is.",
    ErrorFamily.POISON: "Look at the attempts of {agent}'s `{adapter}` adapter before it runs again: its execution "
    "ends its supervisor, so it is parked.",
}


def permanent_family(error_code: str | None, result: Mapping[str, object] | None) -> ErrorFamily | None:
    """The permanent family of a failed run, or None when a retry may help."""
    family = error_family_of(error_code, result)
    return ErrorFamily(family) if family in ErrorFamily.PERMANENT else None


def permanent_next_action(family: ErrorFamily, *, agent_name: str, adapter_type: str) -> str:
    """One sentence that names what a person must fix. Raises KeyError for a family that is not permanent."""
    return _NEXT_ACTIONS[family].format(agent=agent_name, adapter=adapter_type)
