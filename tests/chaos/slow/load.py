"""Steady work, asked for over the API while a fault is injected."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

from config.trial.client import Refused
from tests.chaos.site import Site


class Load:
    """Clients that ask for work until they are told to stop, and remember every answer."""

    def __init__(self, site: Site, agents: list[str]) -> None:
        self.accepted: list[str] = []
        self.refused: Counter[int] = Counter()
        self._site = site
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(agent,), daemon=True) for agent in agents]

    def start(self) -> None:
        """One thread per agent."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask for nothing more."""
        self._enough.set()
        for thread in self._threads:
            thread.join(40)

    def _ask(self, agent: str) -> None:
        client = self._site.another_client()
        while not self._enough.wait(0.1):
            try:
                self.accepted.append(self._site.wake(agent, client))
            except Refused as refusal:
                self.refused[refusal.code] += 1


def at_work(site: Site) -> tuple[Path, str, int]:
    """The file that ends it, a run that is at work, and its process."""
    stop = site.state / "stop"
    run_id = site.wake(site.agent("sh", "-c", f"while [ ! -e {stop} ]; do sleep 0.1; done"))
    return stop, run_id, int(site.running(run_id)["processPid"])
