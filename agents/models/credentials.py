"""Keys and secrets. Of a key only its hash is stored; a secret is stored encrypted."""

from __future__ import annotations

from django.db import models
from django.db.models import UniqueConstraint

from config.common.models import CompanyModel, TimestampedModel


class AgentKey(CompanyModel):
    """An agent's bearer key: SHA-256 of a 192-bit token that was shown once (spec/1 B)."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=200, default="default")
    prefix = models.CharField(max_length=16)
    key_hash = models.CharField(max_length=64, unique=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.agent}"


class BoardKey(TimestampedModel):
    """An operator's bearer key for command lines and scripts: acts as its user."""

    user = models.ForeignKey("agents.User", on_delete=models.CASCADE, related_name="board_keys")
    name = models.CharField(max_length=200, default="default")
    prefix = models.CharField(max_length=16)
    key_hash = models.CharField(max_length=64, unique=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.user}"


class Secret(CompanyModel):
    """A named value that adapter configurations refer to. Decrypted only when a run starts."""

    name = models.CharField(max_length=200)
    ciphertext = models.BinaryField()
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [UniqueConstraint(fields=["company", "name"], name="secret_name_once_per_company")]

    def __str__(self) -> str:
        return self.name


class IdempotencyRecord(CompanyModel):
    """The first answer to a creating request that carried an `Idempotency-Key`: the repeat gets it again."""

    actor = models.CharField(max_length=80)
    route = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    response_status = models.PositiveSmallIntegerField(null=True, blank=True)
    response_body = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["company", "actor", "route", "key"], name="idempotency_key_once"),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_by_age")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
