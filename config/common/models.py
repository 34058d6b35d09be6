"""What every table of Everbeat has in common: a time-ordered key, two timestamps, and a company."""

from __future__ import annotations

import enum
import os
import time
import uuid
from collections.abc import Iterable

from django.db import models
from django.db.models import CheckConstraint, Q


def uuid7() -> uuid.UUID:
    """A new RFC 9562 version 7 UUID: sorts by creation to the millisecond, 74 random bits."""
    stamp = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    value = (stamp & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | (random & 0x3FFF_FFFF_FFFF_FFFF)
    return uuid.UUID(int=value)


def choices_of(words: type[enum.StrEnum]) -> list[tuple[str, str]]:
    """Django choices for a closed list of wire values."""
    return [(word.value, word.value.replace("_", " ")) for word in words]


def one_of(field: str, words: Iterable[str], *, name: str, null: bool = False) -> CheckConstraint:
    """A CHECK that holds `field` to a closed list, so that no code path can invent a value."""
    condition = Q(**{f"{field}__in": sorted(str(word) for word in words)})
    if null:
        condition |= Q(**{f"{field}__isnull": True})
    return CheckConstraint(condition=condition, name=name)


class TimestampedModel(models.Model):
    """Primary key and timestamps. Verbs that call `update()` set `updated_at` themselves."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class CompanyModel(TimestampedModel):
    """A row that belongs to one company. Every query names the company; nothing crosses it."""

    company = models.ForeignKey("agents.Company", on_delete=models.CASCADE, related_name="+")

    class Meta:
        abstract = True
