"""Pytest plugin: real PostgreSQL and Valkey for the whole test run, started once and thrown away at the end.

Named in `pyproject.toml` as `-p tests.plugin_services`, so that it acts before pytest-django imports the settings.
Where DATABASE_URL and REDIS_URL are both set already, it starts nothing and uses those servers.
"""

from __future__ import annotations

import contextlib
import os
from urllib.parse import urlsplit, urlunsplit

import pytest

from config.services import throwaway_services


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Export DATABASE_URL and REDIS_URL: the first process starts the servers, xdist's workers inherit them."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        os.environ["REDIS_URL"] = redis_url_for(worker, os.environ["REDIS_URL"])
    elif not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        _start_throwaway_services(early_config)


def redis_url_for(worker: str, url: str) -> str:
    """The address with a database number of the worker's own: `gw0` gets 1, so that 0 stays with the controller.

    Redis shares publish and subscribe channels among all database numbers: a prefix must keep those apart.
    """
    return urlunsplit(urlsplit(url)._replace(path=f"/{int(worker.removeprefix('gw')) + 1}"))


def _start_throwaway_services(config: pytest.Config) -> None:
    """Start the servers and leave their end to pytest's own clean-up, which also follows a Ctrl-C."""
    running = contextlib.ExitStack()
    config.add_cleanup(running.close)
    running.enter_context(throwaway_services()).fill_in(os.environ)
