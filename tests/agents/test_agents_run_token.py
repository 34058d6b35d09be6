"""Run tokens (spec/4 11): who speaks for which attempt, for how long, and nobody else."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.run_token import RunClaims, RunTokens, derived_secret, mint_run_token, read_run_token

NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
SECRET = "s" * 32
TOKENS = RunTokens(SECRET, ttl_seconds=100)
CLAIMS = RunClaims(uuid.UUID(int=1), uuid.UUID(int=2), uuid.UUID(int=3), "claude_local", 4)


def minted(tokens: RunTokens = TOKENS) -> str:
    token = tokens.mint(CLAIMS, now=NOW)
    assert token is not None
    return token


def forged(**changes: Any) -> str:
    payload = jwt.decode(minted(), options={"verify_signature": False}) | changes
    return jwt.encode({name: value for name, value in payload.items() if value is not ...}, SECRET, algorithm="HS256")


def test_the_token_carries_the_claims_of_the_contract() -> None:
    token = minted()
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    assert jwt.decode(token, options={"verify_signature": False}) == {
        "sub": str(CLAIMS.agent_id),
        "company_id": str(CLAIMS.company_id),
        "adapter_type": "claude_local",
        "run_id": str(CLAIMS.run_id),
        "epoch": 4,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 100,
        "iss": "paperclip",
        "aud": "paperclip-api",
    }


@given(st.builds(RunClaims, st.uuids(), st.uuids(), st.uuids(), st.text(max_size=20), st.integers(0, 2**31)))
def test_a_token_reads_back_as_it_was_minted(claims: RunClaims) -> None:
    assert TOKENS.read(TOKENS.mint(claims, now=NOW) or "", now=NOW) == claims


def test_a_token_is_valid_to_its_last_second_and_not_after() -> None:
    assert TOKENS.read(minted(), now=NOW + timedelta(seconds=100)) == CLAIMS
    assert TOKENS.read(minted(), now=NOW + timedelta(seconds=101)) is None


def test_a_time_to_live_that_is_not_positive_means_the_default() -> None:
    token = minted(RunTokens(SECRET, ttl_seconds=0))
    assert TOKENS.read(token, now=NOW + timedelta(seconds=172_800)) == CLAIMS
    assert TOKENS.read(token, now=NOW + timedelta(seconds=172_801)) is None


@pytest.mark.parametrize(
    "changes",
    [
        *({name: ...} for name in ("sub", "company_id", "adapter_type", "run_id", "epoch", "iat", "exp")),
        {"sub": "x"},
        {"run_id": 5},
        {"adapter_type": 5},
        {"epoch": "4"},
        {"epoch": True},
        {"exp": "tomorrow"},
        {"iat": None},
        {"iss": "other"},
        {"aud": "other"},
        {"aud": ["paperclip-api"]},
    ],
)
def test_a_missing_or_wrong_claim_makes_a_token_worthless(changes: dict[str, Any]) -> None:
    assert TOKENS.read(forged(), now=NOW) == CLAIMS
    assert TOKENS.read(forged(**changes), now=NOW) is None


@pytest.mark.parametrize("absent", ["iss", "aud"])
def test_issuer_and_audience_count_only_where_present(absent: str) -> None:
    assert TOKENS.read(forged(**{absent: ...}), now=NOW) == CLAIMS


def test_another_secret_or_algorithm_is_refused() -> None:
    payload = jwt.decode(minted(), options={"verify_signature": False})
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    unsigned = f"{head}.{minted().split('.')[1]}."
    for token in (
        jwt.encode(payload, "t" * 32, algorithm="HS256"),
        jwt.encode(payload, SECRET * 2, algorithm="HS512"),
        unsigned,
    ):
        assert TOKENS.read(token, now=NOW) is None


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: f"{base64.urlsafe_b64encode(raw).decode()}.e30.x"))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    assert TOKENS.read(text, now=NOW) is None


def test_every_changed_character_of_the_signature_is_noticed() -> None:
    head, body, signature = minted().split(".")
    for index in range(len(signature) - 1):
        other = "A" if signature[index] != "A" else "B"
        broken = signature[:index] + other + signature[index + 1 :]
        assert TOKENS.read(f"{head}.{body}.{broken}", now=NOW) is None


def test_without_a_secret_none_is_minted_and_none_is_valid() -> None:
    assert RunTokens("").mint(CLAIMS, now=NOW) is None
    assert RunTokens("").read(minted(), now=NOW) is None


def test_a_short_secret_is_refused_and_no_secret_is_printed() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        RunTokens("short")
    assert SECRET not in repr(TOKENS)


def test_the_installation_mints_what_it_reads_under_a_derived_secret(settings: Any) -> None:
    token = mint_run_token(CLAIMS, now=NOW)
    assert token is not None
    assert read_run_token(token, now=NOW) == CLAIMS
    settings.SECRET_KEY = "another installation"
    assert read_run_token(token, now=NOW) is None
    assert len(derived_secret("x")) == 64
