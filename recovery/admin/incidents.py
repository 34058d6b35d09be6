"""What recovery could not decide alone: mass losses, poison rows, and its settings. Superusers only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest

from config.common.admin import cells
from config.common.admin.base import SystemAdmin
from config.common.admin.deeds import Deed
from config.common.admin.filters import choice, since
from config.common.clock import utc_now
from recovery.models import MassLossIncident, PoisonRow, RecoverySettings
from recovery.orphans.confirming import confirm_mass_loss
from recovery.vocabulary import MassLossStatus


def _confirm(request: HttpRequest, incident: MassLossIncident, _given: Mapping[str, Any]) -> bool:
    user_id: UUID | None = request.user.pk
    return confirm_mass_loss(incident.pk, user_id=user_id, now=utc_now())


@admin.register(MassLossIncident)
class MassLossPage(SystemAdmin):
    """Mass losses that were withheld."""

    related = ("confirmed_by",)
    list_display = (
        cells.cell("what", str),
        cells.status("status", order="status"),
        cells.number("due_leases", str, title="due"),
        cells.number("live_leases", str, title="of live"),
        cells.number("released", str),
        cells.when("opened_at", title="since", order="opened_at"),
        cells.when("closed_at", title="closed", order="closed_at"),
        cells.related("confirmed_by", title="confirmed by"),
    )
    list_filter = (choice("status"), since("opened_at", "since"))
    questions = (("Open", "status__exact=open"),)
    deeds = (
        Deed(
            name="confirm",
            title="Confirm the loss",
            done="confirmed",
            says="Says that these runs are really gone. Their verdicts are released a few at a time: each lost run is "
            "retried or escalated. If instead the database, the network or a host was away, leave it: it closes by "
            "itself when the leases are renewed.",
            do=_confirm,
            refuse=lambda row: None if row.status == MassLossStatus.OPEN else f"already {row.status}",
            danger=True,
        ),
    )


def _try_now(_request: HttpRequest, row: PoisonRow, _given: Mapping[str, Any]) -> bool:
    now = utc_now()
    return PoisonRow.objects.filter(pk=row.pk, retry_at__gt=now).update(retry_at=now, updated_at=now) == 1


@admin.register(PoisonRow)
class PoisonRowPage(SystemAdmin):
    """Rows on which a sweep raised."""

    list_display = (
        cells.cell("row", lambda poison: poison.sweep.replace("_", " "), title="sweep", order="sweep"),
        cells.identifier("row_id", title="row"),
        cells.number("failures", str),
        cells.line("error"),
        cells.when("retry_at", title="next try", order="retry_at"),
        cells.when("updated_at", title="last failure", order="updated_at"),
    )
    list_filter = (choice("sweep"), since("updated_at", "last failure"))
    search_ids = ("id", "row_id")
    deeds = (
        Deed(
            name="try_now",
            title="Try again now",
            done="due again",
            says="The next pass of the sweep looks at the row again instead of waiting.",
            do=_try_now,
            refuse=lambda row: None if row.retry_at > utc_now() else "already due",
        ),
    )


@admin.register(RecoverySettings)
class RecoverySettingsPage(SystemAdmin):
    """The switches of recovery."""

    editable = ("graph_liveness_auto_recovery", "graph_liveness_lookback_hours")
    hidden = frozenset({"id"})
    list_display = (
        cells.cell("name", str, title="settings"),
        cells.flag("graph_liveness_auto_recovery", title="graph recovery by itself", on="on", off="off"),
        cells.number("graph_liveness_lookback_hours", lambda hours: f"{hours} h", title="looks back"),
    )
    search_ids = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Once."""
        return bool(request.user.is_superuser) and not RecoverySettings.objects.exists()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ANN401
        """The changed columns only."""
        if not change:
            super().save_model(request, obj, form, change)
        elif form.changed_data:
            obj.save(update_fields=form.changed_data)
