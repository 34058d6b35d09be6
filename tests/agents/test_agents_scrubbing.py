"""The scrubber (spec/1 H): every name and value form that must go, every one that must stay, and its shape."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.scrubbing import MAX_DEPTH, REDACTED, SECRET_NAMES, is_secret_name, scrub, scrub_object, scrub_text

MUST_GO = [
    *("apiKey", "API_KEY", "api-key", "Authorization", "proxy-authorization", "Set-Cookie", "x-auth-token"),
    *("refreshToken", "customer_secret", "db_password", "dbPassword", "csrf_token", "aws_credentials"),
    *("openai_api_key", "stripeApiKey", "private_key", "aws_secret_access_key", "db.password"),
]
MUST_STAY = [
    *("tokenCount", "cookieDomain", "bearerHostname", "apiKeyName", "secretsManagerEnabled", "passwordAge"),
    *("legitimate_count", "content-type", "author", "keyboard"),
]
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc=\n-----END RSA PRIVATE KEY-----"
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MUST_STAY), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize("name", MUST_GO)
def test_names_that_must_be_redacted(name: str) -> None:
    assert scrub({name: "hunter2"}) == {name: REDACTED}


@pytest.mark.parametrize("name", MUST_STAY)
def test_names_that_must_be_kept(name: str) -> None:
    assert scrub({name: "hunter2"}) == {name: "hunter2"}


@pytest.mark.parametrize("name", sorted(SECRET_NAMES))
def test_every_secret_name_in_every_naming_style_alone_and_compound(name: str) -> None:
    words = name.split("_")
    camel = words[0] + "".join(word.capitalize() for word in words[1:])
    pascal = "".join(word.capitalize() for word in words)
    for style in (name, name.upper(), camel, pascal, "-".join(words), ".".join(words), " ".join(words)):
        assert is_secret_name(style), style
    for compound in (f"customer_{name}", f"customer{pascal}", f"customer-{'-'.join(words)}", f"a.b.{'.'.join(words)}"):
        assert is_secret_name(compound), compound


@pytest.mark.parametrize("name", sorted(SECRET_NAMES))
def test_a_secret_name_that_only_begins_a_name_is_kept(name: str) -> None:
    assert not is_secret_name(f"{name}_count")
    assert not is_secret_name(f"{name}ish")


@pytest.mark.parametrize("value", [None, 5, True, ["a"], {"a": 1}, "x"])
def test_the_whole_value_of_a_secret_name_goes_whatever_it_is(value: Any) -> None:
    assert scrub({"token": value}) == {"token": REDACTED}


def test_secrets_nested_under_cause_headers_and_lists_go() -> None:
    error = {
        "cause": {"request": {"headers": {"Authorization": "x", "content-type": "json"}}},
        "attempts": [{"apiKey": 1}, "plain", {"ok": [{"jwt": 2}]}],
    }
    assert scrub(error) == {
        "cause": {"request": {"headers": {"Authorization": REDACTED, "content-type": "json"}}},
        "attempts": [{"apiKey": REDACTED}, "plain", {"ok": [{"jwt": REDACTED}]}],
    }


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("sent Bearer abcdef123456 twice", f"sent Bearer {REDACTED} twice"),
        ("authorization: bearer supersecrettoken", f"authorization: bearer {REDACTED}"),
        ("Authorization: Basic dXNlcjpwYXNz", f"Authorization: Basic {REDACTED}"),
        ("Basic dXNlcjpwYXNzd29yZA==, then", f"Basic {REDACTED}, then"),
        ("key sk-ant-api03-abcDEF123_456 end", f"key {REDACTED} end"),
        ("sk-proj-1234567890abcdef", REDACTED),
        ("(sk_live_4eC39HqLyjWDarjtT1zdp7dc)", f"({REDACTED})"),
        ("pk-lf-11112222-3333", REDACTED),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a!", f"{REDACTED}!"),
        ("github_pat_11ABCDEFG0abcdefgh", REDACTED),
        ("xoxb-123456789012-abcdefGHIJ", REDACTED),
        ("id=AKIAIOSFODNN7EXAMPLE;", f"id={REDACTED};"),
        (f"token={JWT} ok", f"token={REDACTED} ok"),
        (f"cert: {PEM} done", f"cert: {REDACTED} done"),
        (PEM[:50], REDACTED),
        ("postgres://ann:s3cret@db:5432/x?y=1", f"postgres://ann:{REDACTED}@db:5432/x?y=1"),
        ("redis://:p@ss@host/0", f"redis://:{REDACTED}@host/0"),
        ("https://a:b@x and https://c:d@y", f"https://a:{REDACTED}@x and https://c:{REDACTED}@y"),
        ("pcp_" + "0a" * 24, REDACTED),
        ("pcp_board_" + "0a" * 24, REDACTED),
    ],
)
def test_credentials_inside_text_are_replaced_in_place(text: str, clean: str) -> None:
    assert scrub_text(text) == clean
    assert scrub({"message": [text]}) == {"message": [clean]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bearer token missing",
        "Bearer authentication failed",
        "basic functionality works",
        "Basic authentication failed",
        "the task-1234567890 is risk-1234567890",
        "pip install sk-learn",
        "https://example.org:8080/path@2x.png",
        "see http://localhost:3100/issues/PAP-39",
        "2026-01-02T03:04:05.678Z eyJ is how they begin",
        "asia and akia",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_ordinary_text_is_kept(text: str) -> None:
    assert scrub_text(text) == text


def test_the_root_is_depth_zero_and_everything_beyond_six_goes() -> None:
    assert MAX_DEPTH == 6
    value: Any = "leaf"
    for _ in range(6):
        value = {"a": value}
    assert "leaf" in json.dumps(scrub(value))
    assert scrub({"a": value})["a"]["a"]["a"]["a"]["a"]["a"] == {"a": REDACTED}


def test_twenty_levels_and_cycles_do_not_raise() -> None:
    value: Any = 1
    for _ in range(20):
        value = [{"a": value}]
    assert REDACTED in json.dumps(scrub(value))
    loop: dict[str, Any] = {}
    loop["self"] = loop
    ring: list[Any] = []
    ring.append(ring)
    assert REDACTED in json.dumps(scrub([loop, ring]))


@pytest.mark.parametrize("value", [None, 0, 1.5, True, "plain", ""])
def test_what_is_no_object_comes_back_unchanged(value: Any) -> None:
    assert scrub(value) == value
    assert type(scrub(value)) is type(value)


def test_lists_keep_length_and_order_and_tuples_become_lists() -> None:
    assert scrub([3, "b", None, (1, 2)]) == [3, "b", None, [1, 2]]


def test_the_result_is_a_copy_and_the_original_is_untouched() -> None:
    original = {"a": {"password": "x"}, "b": [{"c": 1}]}
    before = copy.deepcopy(original)
    clean = scrub_object(original)
    clean["b"][0]["c"] = 2
    assert original == before
    assert clean["a"] == {"password": REDACTED}


@given(JSON)
def test_scrubbing_twice_changes_nothing_more(value: Any) -> None:
    assert scrub(scrub(value)) == scrub(value)


@given(st.lists(SCALARS, max_size=5))
def test_harmless_lists_keep_their_shape(values: list[Any]) -> None:
    assert len(scrub(values)) == len(values)


@given(st.text(max_size=200), st.sampled_from(MUST_GO))
def test_a_secret_never_survives_under_a_secret_name(value: str, name: str) -> None:
    assert scrub({"outer": [{name: {"inner": value}}]}) == {"outer": [{name: REDACTED}]}


@pytest.mark.parametrize(
    "attack",
    [
        "-----BEGIN RSA PRIVATE KEY-----",
        "eyJ-",
        "a://b:",
        "bearer ",
        "basic a",
        "sk-",
        "xoxa-",
        "sk-a-",
        "://:",
        "eyJa.a",
    ],
)
def test_no_text_takes_more_than_linear_time(attack: str) -> None:
    text = attack * (200_000 // len(attack))
    began = time.process_time()
    scrub_text(text)
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize("mask", ["[REDACTED]", "***REDACTED***"])
def test_a_value_that_is_masked_already_keeps_its_mask(mask: str) -> None:
    assert scrub({"PAPERCLIP_API_KEY": mask}) == {"PAPERCLIP_API_KEY": mask}
