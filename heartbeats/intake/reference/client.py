"""Speaking to the agent API over a network that fails."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from random import SystemRandom
from typing import Any

BASE_PAUSE = 0.5
LONGEST_PAUSE = 30.0
TIMEOUT = 15.0
TRY_AGAIN = frozenset({429})


class Unreachable(Exception):
    """The server did not take the request: no network, a restart, or trouble of its own. Worth another try."""

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said. 4xx are answers, too: repeating them changes nothing."""

    status: int
    body: Mapping[str, Any]
    server_time: datetime | None = None

    @property
    def ok(self) -> bool:
        """Whether the request did what it asked for."""
        return self.status == 200

    @property
    def stops(self) -> bool:
        """Whether it says that the run is not ours to work on."""
        return self.status in (401, 404) or self.body.get("error", {}).get("action") == "stop"


def pause_before(attempt: int, *, draw: float, retry_after: float | None = None) -> float:
    """Seconds before try number `attempt` (from 1): doubling up to half a minute, half of it by `draw` (0..1).

    The server's `Retry-After` is waited for at least.
    """
    pause = min(LONGEST_PAUSE, BASE_PAUSE * 2.0 ** min(attempt - 1, 16)) * (0.5 + draw / 2)
    return max(pause, retry_after or 0.0)


class AgentClient:
    """One agent's way to the server. Safe to use from several threads."""

    def __init__(self, url: str, key: str, *, timeout: float = TIMEOUT) -> None:
        self._base = f"{url.rstrip('/')}/api/v1/agent/"
        self._key = key
        self._timeout = timeout
        self._draw = SystemRandom().random

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, token: str | None = None) -> Answer:
        """Ask once. Raises Unreachable."""
        request = urllib.request.Request(  # noqa: S310 - the operator names the server
            self._base + path,
            data=json.dumps(body or {}).encode(),
            headers={"Authorization": f"Bearer {token or self._key}", "Content-Type": "application/json"},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:  # noqa: S310
                return Answer(response.status, _object(response.read()), _moment(response.headers.get("Date")))
        except urllib.error.HTTPError as refused:
            with refused:
                if refused.code >= 500 or refused.code in TRY_AGAIN:
                    raise Unreachable(f"HTTP {refused.code}", _seconds(refused.headers.get("Retry-After"))) from None
                return Answer(refused.code, _object(refused.read()))
        except (OSError, HTTPException, ValueError) as problem:
            raise Unreachable(f"{type(problem).__name__}: {problem}") from None

    def insist(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        token: str | None = None,
        give_up: threading.Event,
    ) -> Answer | None:
        """Ask until there is an answer, with growing pauses; None once `give_up` is set."""
        attempt = 0
        while not give_up.is_set():
            try:
                return self.post(path, body, token=token)
            except Unreachable as problem:
                attempt += 1
                give_up.wait(pause_before(attempt, draw=self._draw(), retry_after=problem.retry_after))
        return None


def _object(raw: bytes) -> dict[str, Any]:
    value = json.loads(raw or b"{}")
    if not isinstance(value, dict):
        raise ValueError("the answer is no object")
    return value


def _moment(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None
