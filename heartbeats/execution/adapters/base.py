"""What an adapter is: it turns an agent's configuration into a command, and the end of that command into a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from heartbeats.execution.excerpts import Excerpts
from heartbeats.readings import number_of
from heartbeats.runs.sessions import SessionState
from heartbeats.vocabulary import ErrorFamily

DEFAULT_GRACE_SEC = 15.0
MOST_GRACE_SEC = 300.0
RESULT_FILE_VARIABLE = "EVERBEAT_RESULT_FILE"
RESULT_NAME = "result.json"
# Under this key the result of a run that could not be set up names the step that failed.
SETUP_ERROR = "setupError"


class SetupError(Exception):
    """A run cannot start, and waiting would not help: it ends `failed` with this message.

    Its error code is `adapter_failed` whatever the step (spec/2 D); `code` names the step in its result.
    """

    def __init__(self, code: str, message: str, family: ErrorFamily | None = ErrorFamily.CONFIG) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.family = family


@dataclass(frozen=True, slots=True, kw_only=True)
class Skilled:
    """A skill that this run has; `path` is its text as a file."""

    key: str
    description: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One attempt, as an adapter sees it. `config` has its secrets resolved; `env` is what the process will get."""

    run_id: str
    agent_id: str
    config: Mapping[str, Any]
    context: Mapping[str, Any]
    env: Mapping[str, str]
    cwd: str
    run_dir: Path
    session: SessionState
    agent_name: str = ""
    company_id: str = ""
    task_text: str | None = None
    wake_payload: Mapping[str, Any] | None = None
    handoff: str | None = None
    skills: Sequence[Skilled] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead:
    """What to run once more, in the same run, when the first command failed and said one of `words` (expressions)."""

    argv: Sequence[str]
    words: Sequence[str]
    stdin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to run it. `timeout_sec` 0 means no limit; `env` is added to the invocation's. `remember` is kept in the run
    directory for the report; it holds no secrets."""

    argv: Sequence[str]
    timeout_sec: float = 0.0
    timeout_configured: bool = False
    grace_sec: float = DEFAULT_GRACE_SEC
    stdin: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    instead: Instead | None = None
    remember: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The end of the command: what it left behind."""

    run_dir: Path
    excerpts: Excerpts
    exit_code: int | None
    signal: str | None
    timed_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the adapter understood. None means that it said nothing; `result` is kept with the run as it is.

    `usage` holds the totals of the session so far, unless `usage_basis` is `per_run` (`runs.usage`).
    """

    result: Mapping[str, Any] | None = None
    summary: str | None = None
    error_message: str | None = None
    error_code: str | None = None
    error_family: str | None = None
    retry_not_before: str | None = None
    timed_out: bool = False
    usage: Mapping[str, Any] | None = None
    usage_basis: str | None = None
    cost_usd: float | None = None
    provider: str | None = None
    biller: str | None = None
    model: str | None = None
    billing_type: str | None = None
    session_id: str | None = None
    session_params: Mapping[str, Any] | None = None
    session_display_id: str | None = None
    clear_session: bool = False


class Adapter(Protocol):
    """One way to run agents. Both methods are pure but for reading what the command left in its run directory."""

    def plan(self, invocation: Invocation) -> Plan:
        """The command. Raises SetupError for a configuration that cannot work."""
        ...

    def report(self, ended: Ended) -> Report:
        """What came of it. Never raises: unreadable output is no output."""
        ...


def time_limits(config: Mapping[str, Any]) -> dict[str, Any]:
    """`timeoutSec` and `graceSec` of a configuration as fields of a Plan; nonsense means the default."""
    return {
        "timeout_sec": max(0.0, number_of(config.get("timeoutSec"), 0)),
        "timeout_configured": "timeoutSec" in config,
        "grace_sec": min(MOST_GRACE_SEC, max(0.0, number_of(config.get("graceSec"), DEFAULT_GRACE_SEC))),
    }


def command_of(config: Mapping[str, Any], default: str | None = None) -> list[str]:
    """`command` with `args`. Raises SetupError when there is no command."""
    command = config.get("command") or default
    if not isinstance(command, str) or not command.strip():
        raise SetupError("command_missing", "adapterConfig.command is not set, so there is nothing to run.")
    return [command, *(str(word) for word in config.get("args") or ())]
