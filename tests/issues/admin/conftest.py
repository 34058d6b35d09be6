"""The admin lives among all routes."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def own_routes(settings: Any) -> None:
    """All of them."""
    settings.ROOT_URLCONF = "config.urls"
