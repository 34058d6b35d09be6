"""What the supervisor's tests supervise: one small program in several parts (`python fake_process.py ROLE`)."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys


class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def api() -> None:
    server = http.server.HTTPServer(("127.0.0.1", int(os.environ["EVERBEAT_PORT"])), Ready)
    print("database", os.environ["DATABASE_URL"])
    print("redis", os.environ["REDIS_URL"])
    server.serve_forever()


def polite() -> None:
    def leave(*_: object) -> None:
        print("goodbye")
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
    print("pid", os.getpid())
    while True:
        signal.pause()


def stubborn() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("pid", os.getpid())
    while True:
        signal.pause()


def crasher() -> None:
    print("something is wrong")
    sys.exit(3)


def parent() -> None:
    helper = subprocess.Popen(["sleep", "600"])
    detached = subprocess.Popen(["sleep", "601"], start_new_session=True)
    print("family", os.getpid(), helper.pid, detached.pid)
    while True:
        signal.pause()


def prepare() -> None:
    print("operator: admin, password: shown-once")


def prepare_badly() -> None:
    print("the database is in a bad mood")
    sys.exit(4)


ROLES = {
    "api": api,
    "deaf-api": polite,
    "polite": polite,
    "stubborn": stubborn,
    "crasher": crasher,
    "parent": parent,
    "prepare": prepare,
    "prepare-badly": prepare_badly,
    "prepare-forever": polite,
}

if __name__ == "__main__":
    ROLES[sys.argv[1]]()
