"""The token with which one attempt of one run speaks to the API: an HS256 JWT (spec/4 11) that carries its epoch.

A valid token only says who is speaking. Whether the run still lives is the authenticator's question, and whether the
epoch is still held is asked by every write.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings

from config.common.clock import require_aware

ISSUER = "paperclip"
AUDIENCE = "paperclip-api"
ALGORITHM = "HS256"
DEFAULT_TTL_SECONDS = 172_800
LEAST_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class RunClaims:
    """Who a run token speaks for."""

    agent_id: UUID
    company_id: UUID
    run_id: UUID
    adapter_type: str
    epoch: int


@dataclass(frozen=True, slots=True)
class RunTokens:
    """Mints and reads tokens under one secret. With an empty secret none is minted and none is valid."""

    secret: str
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    issuer: str = ISSUER
    audience: str = AUDIENCE

    def __post_init__(self) -> None:
        if self.secret and len(self.secret.encode()) < LEAST_SECRET_BYTES:
            raise ValueError(f"the secret of run tokens needs at least {LEAST_SECRET_BYTES} bytes")

    def __repr__(self) -> str:
        return f"RunTokens({self.issuer} → {self.audience})"

    def mint(self, claims: RunClaims, *, now: datetime) -> str | None:
        """A token for these claims, valid from `now` for the time to live (the default where that is not positive)."""
        if not self.secret:
            return None
        issued = int(require_aware(now).timestamp())
        ttl = self.ttl_seconds if self.ttl_seconds > 0 else DEFAULT_TTL_SECONDS
        payload = {
            "sub": str(claims.agent_id),
            "company_id": str(claims.company_id),
            "adapter_type": claims.adapter_type,
            "run_id": str(claims.run_id),
            "epoch": claims.epoch,
            "iat": issued,
            "exp": issued + ttl,
            "iss": self.issuer,
            "aud": self.audience,
        }
        return jwt.encode(payload, self.secret, algorithm=ALGORITHM)

    def read(self, token: str, *, now: datetime) -> RunClaims | None:
        """The claims of a genuine token that has not expired; None for anything else. Never raises for a token."""
        if not self.secret:
            return None
        try:
            payload = jwt.decode(token, self.secret, algorithms=[ALGORITHM], options=_SIGNATURE_ONLY)
        except (jwt.InvalidTokenError, ValueError):
            return None
        return _claims(payload) if self._holds(payload, int(require_aware(now).timestamp())) else None

    def _holds(self, payload: dict[str, Any], seconds: int) -> bool:
        issued, expires = payload.get("iat"), payload.get("exp")
        return (
            isinstance(issued, (int, float))
            and isinstance(expires, (int, float))
            and expires >= seconds
            and payload.get("iss", self.issuer) == self.issuer
            and payload.get("aud", self.audience) == self.audience
        )


# Times are judged by the caller's `now`, and issuer and audience only where they are present.
_SIGNATURE_ONLY: Any = {
    "verify_signature": True,
    **dict.fromkeys(
        ("verify_exp", "verify_iat", "verify_nbf", "verify_aud", "verify_iss", "verify_sub", "verify_jti"), False
    ),
}


def mint_run_token(claims: RunClaims, *, now: datetime) -> str | None:
    """A token under this installation's secret."""
    return configured().mint(claims, now=now)


def read_run_token(token: str, *, now: datetime) -> RunClaims | None:
    """The claims of a token of this installation; None for anything else."""
    return configured().read(token, now=now)


def configured() -> RunTokens:
    """This installation's tokens: RUN_TOKEN_SECRET where set, else a secret derived from SECRET_KEY."""
    return RunTokens(
        secret=getattr(settings, "RUN_TOKEN_SECRET", "") or derived_secret(settings.SECRET_KEY),
        ttl_seconds=getattr(settings, "RUN_TOKEN_TTL_SEC", DEFAULT_TTL_SECONDS),
        issuer=getattr(settings, "RUN_TOKEN_ISSUER", ISSUER),
        audience=getattr(settings, "RUN_TOKEN_AUDIENCE", AUDIENCE),
    )


def derived_secret(installation_secret: str) -> str:
    """A secret for run tokens only, so that neither use of the installation's secret exposes the other."""
    return hmac.new(installation_secret.encode(), b"everbeat run token 1", hashlib.sha256).hexdigest()


def _claims(payload: dict[str, Any]) -> RunClaims | None:
    epoch, adapter_type = payload.get("epoch"), payload.get("adapter_type")
    if isinstance(epoch, bool) or not isinstance(epoch, int) or not isinstance(adapter_type, str):
        return None
    try:
        agent_id, company_id, run_id = (UUID(payload[name]) for name in ("sub", "company_id", "run_id"))
    except (KeyError, ValueError, AttributeError, TypeError):
        return None
    return RunClaims(agent_id, company_id, run_id, adapter_type, epoch)
