"""The one incident of a mass loss, kept where every pass and every operator sees it (spec/6 fault 20)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F

from recovery.models import MassLossIncident
from recovery.orphans.mass_loss import Admission, Breaker, BreakerPolicy, IncidentMove, admit_losses
from recovery.vocabulary import MassLossStatus

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def current_incident() -> MassLossIncident | None:
    """The incident that is not closed, if there is one."""
    return MassLossIncident.objects.exclude(status=MassLossStatus.CLOSED).order_by("-opened_at").first()


def ask_breaker(*, due: int, live: int, now: datetime, policy: BreakerPolicy, dry_run: bool) -> Admission:
    """How many of `due` lease verdicts may act in this pass; stores the breaker and its incident unless `dry_run`."""
    incident = current_incident()
    if incident is None and due == 0:
        return admit_losses(Breaker(), live=live, due=0, now=now, policy=policy)
    admission = admit_losses(_breaker(incident), live=live, due=due, now=now, policy=policy)
    if not dry_run:
        _store(incident, admission, due=due, live=live, now=now)
    return admission


def confirm_incident(incident_id: UUID, *, user_id: UUID | None, now: datetime) -> bool:
    """An operator says that the losses are real: verdicts are released at a limited rate. True: it was open."""
    with transaction.atomic():
        rows = MassLossIncident.objects.filter(pk=incident_id, status=MassLossStatus.OPEN)
        return rows.update(status=MassLossStatus.CONFIRMED, confirmed_by=user_id, updated_at=now) == 1


def _breaker(incident: MassLossIncident | None) -> Breaker:
    if incident is None:
        return Breaker()
    return Breaker(MassLossStatus(incident.status), incident.opened_at, incident.last_released_at)


def _store(incident: MassLossIncident | None, admission: Admission, *, due: int, live: int, now: datetime) -> None:
    if admission.incident is IncidentMove.RAISE:
        MassLossIncident.objects.create(opened_at=now, live_leases=live, due_leases=due)
        log.error("mass_loss", live_leases=live, due_leases=due, text=admission.text)
    elif incident is not None and admission.incident is IncidentMove.RESOLVE:
        _write(incident, status=MassLossStatus.CLOSED, closed_at=now, updated_at=now)
        log.warning("mass_loss_over", text=admission.text)
    elif incident is not None and admission.allowed:
        released = F("released") + admission.allowed
        _write(incident, status=admission.breaker.state, released=released, last_released_at=now, updated_at=now)


def _write(incident: MassLossIncident, **columns: object) -> None:
    MassLossIncident.objects.filter(pk=incident.pk).exclude(status=MassLossStatus.CLOSED).update(**columns)
