"""The few things that Everbeat asks of git. Every call is noted, with its end and the last of its output."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_EXCERPT_CHARS = 2_000
_OURS = ("PAPERCLIP_", "EVERBEAT_")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_WAIT_SEC = 0.2

Operations = list[dict[str, Any]]


class GitError(Exception):
    """Git refused, or took too long; the message is for people and holds no credentials."""


class Git:
    """Git, with a time limit for all calls together (seconds) and the list in which they are noted."""

    def __init__(self, operations: Operations, limit: float) -> None:
        self._operations = operations
        self._until = time.monotonic() + limit
        self._limit = limit

    def clone(self, url: str, ref: str | None, target: str) -> bool:
        """Make `target` a clone at `ref`, whole or not at all; False when another run made it meanwhile."""
        _plain(url, ref)
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        with self._alone(target):
            if os.path.isdir(os.path.join(target, ".git")):
                return False
            unfinished = f"{target}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            try:
                self.run("clone", os.path.dirname(target), "clone", "--quiet", "--", url, unfinished)
                if ref:
                    self.run("clone", unfinished, "checkout", "--quiet", ref, "--")
                if os.path.isdir(target):
                    os.rmdir(target)
                os.rename(unfinished, target)
            except OSError as problem:
                raise GitError(f"the clone cannot be kept in {target}: {problem.strerror}") from None
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        return True

    def worktree(self, base: str, path: str, branch: str, start: str | None) -> str:
        """Make (or find) a worktree of the repository of `base` on a branch; the folder in it that matches `base`."""
        _plain(branch, start)
        top = self.run("worktree", base, "rev-parse", "--show-toplevel").strip()
        inside = self.run("worktree", base, "rev-parse", "--show-prefix").strip().rstrip("/")
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with self._alone(path):
            if not os.path.exists(os.path.join(path, ".git")):
                self.run("worktree", top, "worktree", "prune")
                new = [] if self._has_branch(top, branch) else ["-b", branch]
                from_ref = [start or "HEAD"] if new else [branch]
                self.run("worktree", top, "worktree", "add", "--quiet", *new, "--", path, *from_ref)
        folder = os.path.join(path, inside) if inside else path
        return folder if os.path.isdir(folder) else path

    def run(self, phase: str, cwd: str, *words: str) -> str:
        """One call; its output. Raises GitError."""
        note: dict[str, Any] = {"phase": phase, "command": shown(" ".join(("git", *words))), "cwd": cwd}
        note["startedAt"] = time.time()
        try:
            done = subprocess.run(
                ["git", *words],
                cwd=cwd,
                env=git_environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=max(0.01, self._until - time.monotonic()),
                check=False,
            )
            output, code = shown(done.stdout.decode("utf-8", "replace")), done.returncode
        except subprocess.TimeoutExpired:
            output, code = f"it took longer than {self._limit:g} s", None
        except OSError as problem:
            output, code = f"git cannot be run: {problem.strerror}", None
        note |= {"exitCode": code, "finishedAt": time.time(), "output": output[-_EXCERPT_CHARS:]}
        self._operations.append(note | {"status": "succeeded" if code == 0 else "failed"})
        if code != 0:
            lines = output.strip().splitlines()
            raise GitError(lines[-1] if lines else f"git ended with code {code}")
        return output

    def _has_branch(self, top: str, branch: str) -> bool:
        return bool(self.run("worktree", top, "branch", "--list", branch).strip())

    @contextmanager
    def _alone(self, path: str) -> Iterator[None]:
        """Hold the folder's lock, so that runs that start together do its work once. Raises GitError in the end."""
        with open(f"{path}.lock", "w", encoding="utf-8") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= self._until:
                        raise GitError(f"another run has been preparing {path} for {self._limit:g} s") from None
                    time.sleep(_WAIT_SEC)
            yield


def git_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The agent's environment without what is the agent's alone; git asks nobody and speaks English."""
    kept = {key: value for key, value in environment.items() if not key.startswith(_OURS)}
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def shown(text: str) -> str:
    """The text without the credentials of web addresses in it."""
    return _CREDENTIALS.sub("***@", text)


def _plain(*words: str | None) -> None:
    """What people typed must not become an option of git."""
    for word in words:
        if word and word.startswith("-"):
            raise GitError(f"{word!r} is not a name that git can use")
