"""Programs from npm, as somebody who installed them would run them. Nobody of this project wrote them."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from config.env import BASE_DIR
from config.trial.stack import Stack

CACHE = BASE_DIR / ".everbeat" / "clients"
INSTALL_SECONDS = 400
RUN_SECONDS = 60
NODE_MAJOR = 20
CLI_SCRIPT = "paperclipai/dist/index.js"
MCP_SCRIPT = "@paperclipai/mcp-server/dist/stdio.js"
CLI_NEW, CLI_OLD, MCP = "paperclipai@2026.707.0", "paperclipai@2026.403.0", "@paperclipai/mcp-server@2026.817.0"


def node() -> str:
    """Where node is; the tests are skipped, and say so, where it or npm is missing or too old."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if not found or not npm:
        pytest.skip("node and npm are not installed: programs from npm cannot be driven")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < NODE_MAJOR:
        pytest.skip(f"node {version} is too old: the programs from npm need {NODE_MAJOR}")
    return found


def installed(package: str) -> Path:
    """The `node_modules` that hold `name@version`, installed once and kept; skipped where npm cannot get it."""
    folder = CACHE / package.replace("/", "-").lstrip("@")
    done = folder / ".installed"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as lock:  # two workers of one test run must not install into the same folder
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _install(package, folder)
            done.touch()
    return folder / "node_modules"


def _install(package: str, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    flags = ["--ignore-scripts", "--omit=optional", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        npm = subprocess.run(
            ["npm", "install", "--prefix", str(folder), *flags, package],
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install {package} within {INSTALL_SECONDS} s")
    if npm.returncode:
        pytest.skip(f"npm could not install {package}: {npm.stderr.strip().splitlines()[-1:]}")


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.out)

    def rows(self) -> list[dict[str, str]]:
        """Its output as the lines `a=1 b=2` of a list; values end at the first blank."""
        lines = [line for line in self.out.splitlines() if "=" in line]
        return [dict(part.split("=", 1) for part in line.split() if "=" in part) for line in lines]


@dataclass(frozen=True, slots=True)
class Cli:
    """The command line, with an operator's key (or an agent's) and a home of its own."""

    node: str
    script: Path
    home: Path
    url: str
    key: str
    company_id: str
    more_env: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: str | Path, code: int = 0) -> Done:
        """Run one command; fails the test unless it ends with `code`."""
        ran = subprocess.run(
            [self.node, "--no-opt", str(self.script), *map(str, words)],  # optimising costs more than a command runs
            env=self._env(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_SECONDS,
        )
        said = f"{' '.join(map(str, words))}\nended with {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        assert ran.returncode == code, said
        return Done(ran.returncode, ran.stdout, ran.stderr)

    def json(self, *words: str) -> Any:
        """The body that a command prints with `--json`."""
        return self(*words, "--json").json()

    def here(self, *words: str) -> Any:
        """The same for commands that want the company named."""
        return self.json(*words, "-C", self.company_id)

    def together(self, *commands: Sequence[str], codes: Sequence[int] = ()) -> list[Done]:
        """Several commands that do not depend on each other, two at a time, in their order; each ends with its code."""
        expected = [*codes, *[0] * (len(commands) - len(codes))]
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda words, code: self(*words, code=code), commands, expected))

    def _env(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "DO_NOT_TRACK": "1",
            "PAPERCLIP_API_URL": self.url,
            "PAPERCLIP_API_KEY": self.key,
            "PAPERCLIP_COMPANY_ID": self.company_id,
            **self.more_env,
        }


def cli_of(package: str, stack: Stack, home: Path, company_id: str, *, key: str | None = None) -> Cli:
    """A command line for a company of a running Everbeat."""
    found = node()
    script = installed(package) / CLI_SCRIPT
    return Cli(found, script, home, stack.client.url, key or stack.client.key, company_id)


def payload(**body: Any) -> tuple[str, str]:
    """`--payload-json` and its value."""
    return "--payload-json", json.dumps(body)
