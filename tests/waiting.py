"""Waiting for real processes: on a condition, with a deadline, never for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_for(
    predicate: Callable[[], Found | None], timeout: float = 30.0, *, what: str = "", every: float = 0.005
) -> Found:
    """The first truthy answer of `predicate`. Raises AssertionError, naming `what`, after `timeout` seconds.

    `every`: seconds between two questions; ask seldom where the question itself is work for those that are waited for.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"still waiting after {timeout} s: {what or predicate}")
        time.sleep(every)
