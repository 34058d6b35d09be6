"""What a committed change still asks for: written with the change, gone when it is done (spec/6, law 9)."""

from __future__ import annotations

from enum import StrEnum

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now

from config.common.models import choices_of, one_of, uuid7


class IntentKind(StrEnum):
    """What can be asked for. Each is carried out in one transaction, which also removes the intent."""

    WAKE = "wake"
    """Ask that an agent run."""
    FOLLOW_CLOSING = "follow_closing"
    """Wake whoever waited for an issue that closed."""
    END_RUNS = "end_runs"
    """Cancel the live run of an issue that was cancelled."""
    INTERRUPT = "interrupt"
    """Cancel one run."""
    PROMOTE = "promote"
    """Serve what waited for an issue's lock."""


class Intent(models.Model):
    """One thing to do after the commit that wrote this row; the keys of one change are in the order of doing.

    `asked_at` is the database's time. A row that is older than a moment was left by somebody who died or failed.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey("agents.Company", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=choices_of(IntentKind))
    body = models.JSONField(encoder=DjangoJSONEncoder)
    actor = models.JSONField(encoder=DjangoJSONEncoder)
    asked_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        constraints = [one_of("kind", IntentKind, name="intent_kind_known")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
