"""A small web server that plays Everbeat for browser tests and screenshots: pages, sections, static files, a log."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parents[3]
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = "default-src 'self'; img-src 'self' data:; connect-src 'self' ws://127.0.0.1:*; object-src 'none'"


@dataclass
class Site:
    """What the server answers: pages by path, one log, and a count of every request."""

    pages: dict[str, str] = field(default_factory=dict)
    log: bytes = b""
    failing: bool = False
    asked: Counter[str] = field(default_factory=Counter)

    def log_page(self, query: dict[str, list[str]]) -> dict[str, Any]:
        """The documented answer: content decoded wherever it was cut, `nextOffset` absent at the end."""
        offset, limit = int(query["offset"][0]), int(query["limitBytes"][0])
        part = self.log[offset : offset + min(limit, 1_048_576)]
        answer: dict[str, Any] = {"content": part.decode("utf-8", "replace")}
        if offset + len(part) < len(self.log):
            answer["nextOffset"] = offset + len(part)
        return answer


def _answer(site: Site, url: str) -> tuple[int, str, bytes]:
    parts = urlsplit(url)
    site.asked[parts.path] += 1
    if parts.path.endswith("/log"):
        return 200, "application/json", json.dumps(site.log_page(parse_qs(parts.query))).encode()
    if parts.path in site.pages and not site.failing:
        return 200, "text/html; charset=utf-8", site.pages[parts.path].encode()
    file = ROOT / parts.path.lstrip("/")
    if parts.path.startswith("/static/") and file.is_file():
        return 200, TYPES.get(file.suffix, "text/plain"), file.read_bytes()
    return (503 if site.failing else 404), "text/plain", b""


class RunningSite:
    """The site on a free port of the loopback, until closed."""

    def __init__(self, site: Site) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = _answer(site, self.path)
                self.send_response(status)
                for name, value in (("Content-Type", kind), ("Content-Security-Policy", POLICY)):
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Silence: the count in `site.asked` says more."""

        self.site = site
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
