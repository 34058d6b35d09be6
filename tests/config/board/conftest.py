"""Signed-in people and the busy company."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker

from agents.models import Company, User
from agents.vocabulary import MemberRole
from config.common.clock import utc_now
from tests.config.board.board_world import World, build_world, healthy_instance
from tests.config.board.real_servers import RealServers
from tests.factories.agents import CompanyFactory, MemberFactory, UserFactory
from tests.heartbeats.board.conftest import chromium, open_page


@pytest.fixture
def company(db: None) -> Company:
    """The company that most tests look at."""
    found: Company = CompanyFactory(name="Northwind Robotics", issue_prefix="ABC")
    return found


@pytest.fixture
def owner(company: Company) -> User:
    """A member who may act."""
    found: User = MemberFactory(company=company, role=MemberRole.OWNER).user
    return found


@pytest.fixture
def board(owner: User) -> Client:
    """The browser of that member."""
    return signed_in(owner)


@pytest.fixture
def viewer(company: Company) -> Client:
    """The browser of somebody who may only look."""
    return signed_in(MemberFactory(company=company, role=MemberRole.VIEWER).user)


@pytest.fixture
def stranger(db: None) -> Client:
    """The browser of somebody from another company."""
    return signed_in(MemberFactory(company=CompanyFactory(name="Elsewhere")).user)


@pytest.fixture
def admin(company: Company) -> Client:
    """The browser of the instance's operator, who is a member of nothing."""
    return signed_in(UserFactory(is_superuser=True, is_staff=True))


@pytest.fixture
def world(company: Company) -> World:
    """30 agents, 200 runs, and everything that can be the matter."""
    now = utc_now()
    healthy_instance(now)
    return build_world(company, now)


def signed_in(user: User) -> Client:
    """A browser with a session."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture(scope="module")
def servers(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealServers]:
    """The pages and the sockets of a real installation, over this test run's database."""
    patch = pytest.MonkeyPatch()
    # The browser's driver keeps an event loop in this thread, and the database is ours alone.
    patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with django_db_blocker.unblock():
        name = str(connection.settings_dict["NAME"])
    database = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))
    state: Path = tmp_path_factory.mktemp("state")
    with RealServers(database, state) as running:
        yield running
    patch.undo()


__all__ = ["chromium", "open_page"]
