"""Loading an issue with authorisation, and with the lock where the caller will write. A stranger's issue is 403."""

from __future__ import annotations

import re
from uuid import UUID

from django.db.models import F, QuerySet

from agents.access import require_company, require_company_write
from agents.actors import Actor
from agents.models import Company
from config.common.wire.errors import NotFound, Unauthorized
from config.common.wire.views import UUID_FORM
from issues.models import Issue
from issues.runs import BULKY, runs

RUN_REQUIRED = "Agent run id required"
_IDENTIFIER = re.compile(r"[A-Za-z]+-[0-9]{1,9}")


def issue_for(actor: Actor, ref: UUID | str, *, write: bool = False) -> Issue:
    """The issue named by id or identifier, if the caller may read (or change) in its company. One statement."""
    return _issue(actor, shown(), ref, write=write)


def locked_issue_for(actor: Actor, ref: UUID | str) -> Issue:
    """As `issue_for` to change it, with its row locked until the end of the transaction and the runs that hold it."""
    return with_runs(_issue(actor, locked(), ref, write=True))


def shown() -> QuerySet[Issue]:
    """Issues with what their wire form needs of other tables."""
    return Issue.objects.annotate(execution_agent_name=F("execution_run__agent__name"))


def locked() -> QuerySet[Issue]:
    """Issues, each row locked. Nothing is joined: who waited for the lock would see the others' rows as they were."""
    return Issue.objects.select_for_update(no_key=True)


def with_runs(issue: Issue) -> Issue:
    """The issue with the runs that its locks name, read now. One statement if there is any."""
    named = {run_id for run_id in (issue.checkout_run_id, issue.execution_run_id) if run_id}
    found = {run.pk: run for run in runs(issue.company_id).defer(*BULKY).filter(id__in=named)} if named else {}
    for name in ("checkout_run", "execution_run"):
        run_id = getattr(issue, f"{name}_id")
        if run_id in found:
            setattr(issue, name, found[run_id])
    return issue


def _issue(actor: Actor, rows: QuerySet[Issue], ref: UUID | str, *, write: bool) -> Issue:
    issue = _named(rows, ref).first()
    if issue is None:
        raise NotFound.of("Issue")
    (require_company_write if write else require_company)(actor, issue.company_id)
    return issue


def _named(rows: QuerySet[Issue], ref: UUID | str) -> QuerySet[Issue]:
    if isinstance(ref, UUID) or UUID_FORM.fullmatch(ref):
        return rows.filter(id=ref)
    if _IDENTIFIER.fullmatch(ref):
        return rows.filter(identifier=ref.upper())
    return rows.none()


def lock_company(company_id: UUID) -> None:
    """Hold the company's row: whoever numbers issues or changes what blocks what waits here (lock order: first)."""
    if not Company.objects.select_for_update(no_key=True).filter(id=company_id).values_list("id").first():
        raise NotFound.of("Company")


def require_run(actor: Actor) -> None:
    """401 for an agent that names no run of its own."""
    if actor.is_agent and actor.run_id is None:
        raise Unauthorized(RUN_REQUIRED)
