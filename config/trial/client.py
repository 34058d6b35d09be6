"""A small JSON client on one kept connection: the standard library only, so that it costs little next to the server."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


class Refused(RuntimeError):
    """The server answered with an error."""

    def __init__(self, method: str, path: str, status: int, body: object) -> None:
        super().__init__(f"{method} {path} answered {status}: {body}")
        self.code = status
        self.body = body


class Client:
    """Calls one server with one bearer key. Not for use by several threads at once."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key
        parts = urlsplit(url)
        self._link = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=30)

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """The body of a GET."""
        return self.call("GET", path)

    def post(self, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """The body of a POST's answer."""
        return self.call("POST", path, {} if body is None else body)

    def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """One request; raises Refused for every answer of 400 and above."""
        status, raw = self.send(method, path, None if body is None else json.dumps(body).encode())
        answer = json.loads(raw) if raw else None
        if status >= 400:
            raise Refused(method, path, status, answer)
        return answer

    def send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """Status and body of one request; connects again when the server closed the kept connection."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            self._link.request(method, path, body, headers)
            answer = self._link.getresponse()
        except (http.client.HTTPException, ConnectionError):
            self._link.close()
            self._link.request(method, path, body, headers)
            answer = self._link.getresponse()
        return answer.status, answer.read()

    def is_ready(self) -> bool:
        """Whether `/readyz` is green."""
        try:
            return self.send("GET", "/readyz", None)[0] == 200
        except OSError:
            return False
