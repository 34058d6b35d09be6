"""Secrets: stored sealed, named by adapter configurations, opened only when a run starts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from agents.models import Secret
from agents.secret_box import SecretBox
from config.common.wire.errors import Unprocessable


def box() -> SecretBox:
    """This installation's box: SECRET_BOX_KEYS where set (newest first), else the key derived from SECRET_KEY."""
    return SecretBox(list(getattr(settings, "SECRET_BOX_KEYS", ())) or [settings.SECRET_KEY])


def store_secret(company_id: UUID, name: str, value: str, *, now: datetime) -> Secret:
    """Create the secret or give it a new value and the next version. Locks the row."""
    sealed = box().seal(value, now=now)
    with transaction.atomic():
        secret, created = Secret.objects.get_or_create(
            company_id=company_id, name=name, defaults={"ciphertext": sealed}
        )
        if not created:
            secret = Secret.objects.select_for_update(no_key=True).get(id=secret.id)
            secret.ciphertext, secret.version = sealed, secret.version + 1
            secret.save(update_fields=["ciphertext", "version", "updated_at"])
    return secret


def resolve_bindings(company_id: UUID, bindings: Mapping[str, Any]) -> dict[str, str]:
    """Plain values of an `env` or `headers` mapping of an adapter configuration. One statement when it has references.

    A value is a string, `{"type": "plain", "value"}` or `{"type": "secret_ref", "secretId" or "name"}`. Raises
    Unprocessable that names the variable whose secret the company lacks, and CannotOpen for a damaged one. The values
    must reach no log and no event.
    """
    stored = _stored(company_id, bindings)
    return {variable: _value(variable, binding, stored) for variable, binding in bindings.items()}


def _value(variable: str, binding: Any, stored: Mapping[str, Secret]) -> str:  # noqa: ANN401
    if isinstance(binding, str):
        return binding
    reference = _reference(binding)
    if reference is None:
        return str(binding["value"]) if isinstance(binding, Mapping) and "value" in binding else str(binding)
    secret = stored.get(reference)
    if secret is None:
        raise Unprocessable(f"{variable} refers to a secret that does not exist")
    return box().open(secret.ciphertext)


def _reference(binding: Any) -> str | None:  # noqa: ANN401
    if not isinstance(binding, Mapping) or binding.get("type") != "secret_ref":
        return None
    return str(binding.get("secretId") or binding.get("name") or "")


def _stored(company_id: UUID, bindings: Mapping[str, Any]) -> dict[str, Secret]:
    references = {reference for binding in bindings.values() if (reference := _reference(binding))}
    if not references:
        return {}
    ids = [reference for reference in references if _is_uuid(reference)]
    rows = Secret.objects.filter(Q(name__in=references) | Q(id__in=ids), company_id=company_id)
    found: dict[str, Secret] = {}
    for secret in rows:
        found[secret.name] = found[str(secret.id)] = secret
    return found


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
