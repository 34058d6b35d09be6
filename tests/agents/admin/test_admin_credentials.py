"""Keys and secrets in the admin: a token is shown once, a secret never."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from agents.key_material import hash_key
from agents.models import AgentKey, BoardKey, Secret
from agents.secrets import resolve_bindings
from tests.config.admin.admin_site import add_to, ask, confirm, list_of, page_of
from tests.factories.agents import AgentFactory, AgentKeyFactory, CompanyFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def token_in(page: str) -> str:
    found = re.search(r"<code>(.+?)</code>", page)
    assert found
    return found[1]


def test_an_agent_s_token_is_shown_once_and_stored_as_a_hash(site: Client) -> None:
    response = site.post(add_to(AgentKey), {"agent": AgentFactory().pk, "name": "laptop"})
    token, key = token_in(response.content.decode()), AgentKey.objects.get()
    assert key.key_hash == hash_key(token)
    assert "no-store" in response.headers["Cache-Control"]
    for page in (site.get(page_of(key)), site.get(list_of(AgentKey))):
        assert token not in page.content.decode()
        assert key.key_hash not in page.content.decode()


def test_a_person_s_key_acts_as_that_person(site: Client) -> None:
    token = token_in(site.post(add_to(BoardKey), {"name": "cli"}).content.decode())
    key = BoardKey.objects.get(key_hash=hash_key(token))
    assert key.user.is_superuser


def test_a_revoked_key_cannot_be_revoked_twice(site: Client) -> None:
    living, dead = AgentKeyFactory(), AgentKeyFactory()
    assert confirm(site, "revoke", dead) == ["1 revoked."]
    assert confirm(site, "revoke", living, dead) == ["1 revoked, 1 skipped because already revoked."]


def test_a_secret_is_written_and_never_read_back(site: Client) -> None:
    company = CompanyFactory()
    site.post(add_to(Secret), {"company": company.pk, "name": "API", "value": "first-value"})
    secret = Secret.objects.get()
    assert confirm(site, "replace_value", secret, value=" second-value ") == ["1 replaced."]
    stored = resolve_bindings(company.pk, {"KEY": {"type": "secret_ref", "name": "API"}})
    assert stored == {"KEY": " second-value "}
    pages: list[Any] = [site.get(page_of(secret)), site.get(list_of(Secret)), ask(site, "replace_value", secret)]
    assert not any(b"-value" in page.content.replace(b"replace-value", b"") for page in pages)
    secret.refresh_from_db()
    assert secret.version == 2
