"""What waits for a person, as the API says it: one sentence, and the page where it is settled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.urls import reverse

from recovery.attention import AttentionKind, Waiting

# What is done about it there.
_ACTION: Mapping[AttentionKind, str] = {
    AttentionKind.MASS_LOSS: "Confirm or wait",
    AttentionKind.ESCALATED: "Open recovery issue",
    AttentionKind.RECOVERY_WITHOUT_OWNER: "Assign somebody",
    AttentionKind.STRANDED: "Open issue",
    AttentionKind.SILENT: "Look at the run",
    AttentionKind.BUDGET_STOP: "Raise or keep the budget",
    AttentionKind.APPROVAL: "Decide",
    AttentionKind.QUESTION: "Answer",
    AttentionKind.POISON: "Look at the row",
    AttentionKind.ERROR_GROUP: "Triage",
}


def attention_shape(one: Waiting) -> dict[str, Any]:
    """One thing that waits. `what` names it, `why` is a sentence, `url` is a page on this server."""
    what, why = _SAYS[one.kind](one)
    return {
        "kind": one.kind.value,
        "what": what,
        "why": why,
        "since": one.since,
        "action": _ACTION[one.kind],
        "url": _page(one),
        "entity_id": one.entity_id,
    }


def _mass_loss(one: Waiting) -> tuple[str, str]:
    return "Mass loss", f"{one.facts['due']} of {one.facts['live']} runs stopped reporting at once"


def _issue(one: Waiting) -> tuple[str, str]:
    return one.identifier or "", one.title or ""


def _stranded(one: Waiting) -> tuple[str, str]:
    return one.identifier or "", f"Nothing moves it forward: {one.title}"


def _silent(one: Waiting) -> tuple[str, str]:
    return one.agent_name or "", "No output for a long time"


def _budget_stop(one: Waiting) -> tuple[str, str]:
    return one.agent_name or one.facts["project"] or "Company", "Its budget is used up: nothing new starts"


def _approval(one: Waiting) -> tuple[str, str]:
    return one.facts["title"] or one.facts["type"], "An approval waits"


def _question(one: Waiting) -> tuple[str, str]:
    return one.identifier or "", one.facts["title"] or "A question in the thread"


def _poison(one: Waiting) -> tuple[str, str]:
    return one.facts["sweep"], one.facts["error"] or "A sweep failed on it"


def _error_group(one: Waiting) -> tuple[str, str]:
    return one.agent_name or "", one.facts["message"] or "Errors"


_SAYS: Mapping[AttentionKind, Callable[[Waiting], tuple[str, str]]] = {
    AttentionKind.MASS_LOSS: _mass_loss,
    AttentionKind.ESCALATED: _issue,
    AttentionKind.RECOVERY_WITHOUT_OWNER: _issue,
    AttentionKind.STRANDED: _stranded,
    AttentionKind.SILENT: _silent,
    AttentionKind.BUDGET_STOP: _budget_stop,
    AttentionKind.APPROVAL: _approval,
    AttentionKind.QUESTION: _question,
    AttentionKind.POISON: _poison,
    AttentionKind.ERROR_GROUP: _error_group,
}


def _page(one: Waiting) -> str:
    match one.kind:
        case AttentionKind.BUDGET_STOP:
            return reverse("admin:agents_budgetincident_change", args=[one.entity_id])
        case AttentionKind.APPROVAL:
            return reverse("admin:agents_approval_change", args=[one.entity_id])
        case AttentionKind.ERROR_GROUP:
            return reverse("agent_page", args=[one.agent_id])
        case AttentionKind.SILENT:
            return reverse("run_page", args=[one.run_id])
        case _ if one.identifier is not None:
            return reverse("issue_page", args=[one.identifier])
        case _:
            return reverse("recovery_page")
