"""A person says that a mass loss is real: the withheld verdicts are released at a limited rate (DESIGN 5)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import structlog

from config.common.transitions import Transitions
from recovery.models import MassLossIncident
from recovery.vocabulary import MassLossStatus

MOVES = Transitions(
    {
        MassLossStatus.OPEN: {"confirmed", "closed"},
        MassLossStatus.CONFIRMED: {"closed"},
        MassLossStatus.CLOSED: set(),
    }
)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def confirm_mass_loss(incident_id: UUID, *, user_id: UUID | None, now: datetime) -> bool:
    """Confirm an open incident; False when it is confirmed or closed already. One statement."""
    rows = MassLossIncident.objects.filter(pk=incident_id)
    won = MOVES.move(
        rows, to=MassLossStatus.CONFIRMED, expected={MassLossStatus.OPEN}, confirmed_by_id=user_id, updated_at=now
    )
    if won:
        log.warning("mass_loss_confirmed", incident_id=str(incident_id), user_id=str(user_id))
    return won
