"""Companies: founding, changing, archiving and deleting them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from agents.access import locked_company_for
from agents.actors import Actor
from agents.announcements import CompanyStopped, company_stopped
from agents.budgets.policies import set_monthly_budget
from agents.journal import activity, log_activity
from agents.models import Company, Member
from agents.vocabulary import BudgetScope, CompanyStatus, MemberRole, PauseReason
from config.common.wire.camel import camel
from config.common.wire.errors import Conflict

PREFIX_LETTERS = 3
PREFIX_MOST = 16
PREFIX_OTHERWISE = "CMP"
STOP_TEXTS = {
    CompanyStatus.PAUSED: "Cancelled because the company was paused",
    CompanyStatus.ARCHIVED: "Cancelled because the company was archived",
}


def prefixes(name: str) -> Iterator[str]:
    """Issue prefixes for a company of this name, best first: three letters of it, then `A` appended again and again.

    Once the column is full, letters counted in base 26 take over, so that there is always one more.
    """
    letters = re.sub(r"[^A-Z]", "", name.upper())
    base = letters[:PREFIX_LETTERS] or PREFIX_OTHERWISE
    for extra in range(PREFIX_MOST - len(base) + 1):
        yield base + "A" * extra
    for number in count(1):
        yield base + _letters(number)


def _letters(number: int) -> str:
    text = ""
    while True:
        number, digit = divmod(number, 26)
        text = chr(ord("A") + digit) + text
        if number == 0:
            return text


def create_company(actor: Actor, fields: Mapping[str, Any], *, now: datetime) -> Company:
    """Found a company with a prefix of its own; the founder becomes its owner. A budget above 0 becomes a policy."""
    with transaction.atomic():
        company = _insert(fields)
        if actor.user_id is not None:
            Member.objects.create(company=company, user_id=actor.user_id, role=MemberRole.OWNER)
        log_activity(_row(actor, company, "company.created", {"name": company.name}))
        if company.budget_monthly_cents:
            set_monthly_budget(
                actor, company.id, BudgetScope.COMPANY, company.id, company.budget_monthly_cents, now=now
            )
    return company


def _insert(fields: Mapping[str, Any]) -> Company:
    taken: set[str] = set()
    for prefix in prefixes(fields["name"]):
        if not taken:
            taken = set(Company.objects.filter(issue_prefix__startswith=prefix).values_list("issue_prefix", flat=True))
        if prefix in taken:
            continue
        try:
            with transaction.atomic():
                return Company.objects.create(issue_prefix=prefix, **fields)
        except IntegrityError:
            taken.add(prefix)  # another founder was faster
    raise AssertionError("prefixes never end")


def update_company(actor: Actor, ref: UUID | str, changes: Mapping[str, Any], *, now: datetime) -> Company:
    """Change columns of a company, logged with the names of what changed. Locks the company."""
    with transaction.atomic():
        company = locked_company_for(actor, ref)
        changed = {name: value for name, value in changes.items() if getattr(company, name) != value}
        budget = changed.get("budget_monthly_cents")
        if "status" in changed:
            _set_status(actor, company, CompanyStatus(changed.pop("status")), now=now)
        _write(company, changed, now=now)
        if budget is not None:
            set_monthly_budget(actor, company.id, BudgetScope.COMPANY, company.id, budget, now=now)
        log_activity(_row(actor, company, "company.updated", {"changedKeys": sorted(map(camel, changes))}))
    return company


def archive_company(actor: Actor, ref: UUID | str, *, now: datetime) -> Company:
    """Archive a company: its work stops, its rows stay. Repeating changes nothing. Locks the company."""
    with transaction.atomic():
        company = locked_company_for(actor, ref)
        if _set_status(actor, company, CompanyStatus.ARCHIVED, now=now):
            log_activity(_row(actor, company, "company.archived", None))
    return company


def delete_company(actor: Actor, ref: UUID | str, *, now: datetime) -> None:
    """Delete a company with everything in it; its work is announced as stopped first. Locks the company."""
    with transaction.atomic():
        company = locked_company_for(actor, ref)
        _tell_stopped(actor, company, "Cancelled because the company was deleted", now)
        company.delete()


def _set_status(actor: Actor, company: Company, status: CompanyStatus, *, now: datetime) -> bool:
    if company.status == status:
        return False
    if company.status == CompanyStatus.PAUSED and company.pause_reason == PauseReason.BUDGET:
        raise Conflict("Company is paused because its budget hard-stop was reached.")
    paused = status == CompanyStatus.PAUSED
    columns = {
        "status": status,
        "pause_reason": PauseReason.MANUAL if paused else None,
        "paused_at": now if paused else None,
    }
    _write(company, columns, now=now)
    if status in STOP_TEXTS:
        _tell_stopped(actor, company, STOP_TEXTS[status], now)
    return True


def _tell_stopped(actor: Actor, company: Company, text: str, now: datetime) -> None:
    company_stopped.tell(CompanyStopped(company_id=company.id, reason=text, actor=actor, now=now))


def _write(company: Company, columns: Mapping[str, Any], *, now: datetime) -> None:
    if not columns:
        return
    Company.objects.filter(id=company.id).update(updated_at=now, **columns)
    for name, value in {"updated_at": now, **columns}.items():
        setattr(company, name, value)


def _row(actor: Actor, company: Company, action: str, details: Mapping[str, Any] | None) -> Any:  # noqa: ANN401
    return activity(actor, company.id, action, entity_type="company", entity_id=company.id, details=details)
