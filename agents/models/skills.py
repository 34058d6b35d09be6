"""What agents of a company can be taught for a run."""

from __future__ import annotations

from django.db import models
from django.db.models import UniqueConstraint

from config.common.models import CompanyModel


class Skill(CompanyModel):
    """Instructions that a run gets when its issue mentions them, or its agent always has them (spec/2 D).

    `key` is its name in configurations and as a folder: lower case letters, digits and hyphens.
    """

    key = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=1000, blank=True, default="")
    body = models.TextField()

    class Meta:
        ordering = ["key"]
        constraints = [UniqueConstraint(fields=["company", "key"], name="skill_key_once_per_company")]

    def __str__(self) -> str:
        return self.key
