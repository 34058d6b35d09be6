"""The environment variables of an agent's process (spec/4 section 12).

Every variable is set twice: as ``PAPERCLIP_*``, which existing agents read, and as ``EVERBEAT_*``, its native name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from heartbeats.readings import first_text, list_of, object_of, text_of
from heartbeats.runs.bounds import storable
from heartbeats.runs.wake_payload import environment_form
from heartbeats.wakeups.context import Context, current_comment_id

REDACTED = "***REDACTED***"
OURS = "PAPERCLIP_"
NATIVE = "EVERBEAT_"

# Which of our variables a server hands down from its own environment, and which others it keeps to itself.
_INHERITABLE = frozenset({"RUNTIME_API_URL", "LISTEN_HOST", "LISTEN_PORT"})
_SERVER_ONLY = frozenset(
    {
        "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "DATABASE_URL", "DJANGO_SECRET_KEY", "DJANGO_SETTINGS_MODULE",
        "PGPASSWORD", "REDIS_URL", "SECRET_KEY",
    }
)  # fmt: skip
_SECRET_WORDS = frozenset(
    {
        "auth", "authorization", "bearer", "cookie", "cookies", "credential", "credentials", "dsn", "jwt", "passphrase",
        "passwd", "password", "passwords", "pat", "private", "pwd", "secret", "secrets", "token", "tokens", "apikey",
        "apikeys",
    }
)  # fmt: skip
_SECRET_PAIRS = frozenset(
    {
        ("api", "key"), ("api", "keys"), ("access", "key"), ("secret", "key"), ("private", "key"), ("ssh", "key"),
        ("signing", "key"), ("encryption", "key"), ("database", "url"), ("redis", "url"), ("broker", "url"),
        ("connection", "string"), ("webhook", "url"),
    }
)  # fmt: skip
_HARMLESS_ENDINGS = frozenset({"count", "name", "enabled", "age", "domain", "ttl", "seconds", "file", "path", "limit"})
_HARMLESS_BEGINNINGS = frozenset({"max", "min", "num"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Where the agent works, as far as it is known."""

    cwd: str | None = None
    source: str | None = None
    strategy: str | None = None
    workspace_id: str | None = None
    repo_url: str | None = None
    repo_ref: str | None = None
    branch: str | None = None
    worktree_path: str | None = None
    agent_home: str | None = None
    hints: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class ProcessEnvironment:
    """All that an agent's environment is made of. ``configured`` are the entries of the adapter config, resolved."""

    agent_id: str
    company_id: str
    run_id: str
    api_url: str
    run_token: str | None
    context: Context
    wake_payload: Mapping[str, Any] | None = None
    workspace: Workspace = field(default_factory=Workspace)
    configured: Mapping[str, object] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)


def build_environment(facts: ProcessEnvironment) -> dict[str, str]:
    """The variables to set, both spellings; what is unknown is left out. Configured strings win over everything.

    A configured ``PAPERCLIP_X`` also decides ``EVERBEAT_X`` and the other way round, so that the two never disagree.
    """
    named = {**_identity(facts), **_wake(facts), **_workspace(facts.workspace)}
    variables = {f"{prefix}{name}": value for name, value in named.items() if value for prefix in (OURS, NATIVE)}
    if facts.workspace.agent_home:
        variables["AGENT_HOME"] = facts.workspace.agent_home
    variables.update(facts.extra)
    configured = {str(key): value for key, value in facts.configured.items() if isinstance(value, str)}
    for key, value in configured.items():
        variables.update({_twin(key): value, key: value})
    variables.update(configured)
    return {key: storable(value) for key, value in variables.items() if _is_settable(key)}


def inherited(server_environment: Mapping[str, str]) -> dict[str, str]:
    """What of the server's own environment an agent gets: all but our variables and the server's own secrets.

    Keys that operators put there for the agents' tools (of model providers, say) are handed down.
    """
    return {
        key: value
        for key, value in server_environment.items()
        if _bare_name(key) in _INHERITABLE or (_bare_name(key) is None and key.upper() not in _SERVER_ONLY)
    }


def masked(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables for an event or a log: values whose key looks secret are replaced."""
    return {key: REDACTED if looks_secret(key) else value for key, value in variables.items()}


def looks_secret(key: str) -> bool:
    """True if the key names a secret, in any spelling; ``TOKEN_COUNT`` and the like do not."""
    words = [word.lower() for word in _WORD.findall(key)]
    if not words or words[-1] in _HARMLESS_ENDINGS or words[0] in _HARMLESS_BEGINNINGS:
        return False
    pairs = set(pairwise(words))
    return bool(_SECRET_WORDS & set(words)) or bool(_SECRET_PAIRS & pairs)


def _identity(facts: ProcessEnvironment) -> dict[str, str | None]:
    return {
        "AGENT_ID": facts.agent_id,
        "COMPANY_ID": facts.company_id,
        "API_URL": facts.api_url,
        "RUN_ID": facts.run_id,
        "API_KEY": facts.run_token,
    }


def _wake(facts: ProcessEnvironment) -> dict[str, str | None]:
    context = facts.context
    linked = [issue_id for issue_id in list_of(context.get("issueIds")) if text_of(issue_id)]
    return {
        "TASK_ID": first_text(context.get("taskId"), context.get("issueId")),
        "WAKE_REASON": text_of(context.get("wakeReason")),
        "WAKE_COMMENT_ID": current_comment_id(context),
        "APPROVAL_ID": text_of(context.get("approvalId")),
        "APPROVAL_STATUS": text_of(context.get("approvalStatus")),
        "LINKED_ISSUE_IDS": ",".join(linked),
        "WAKE_PAYLOAD_JSON": environment_form(object_of(facts.wake_payload)) if facts.wake_payload else None,
    }


def _workspace(workspace: Workspace) -> dict[str, str | None]:
    return {
        "WORKSPACE_CWD": workspace.cwd,
        "WORKSPACE_SOURCE": workspace.source,
        "WORKSPACE_STRATEGY": workspace.strategy,
        "WORKSPACE_ID": workspace.workspace_id,
        "WORKSPACE_REPO_URL": workspace.repo_url,
        "WORKSPACE_REPO_REF": workspace.repo_ref,
        "WORKSPACE_BRANCH": workspace.branch,
        "WORKSPACE_WORKTREE_PATH": workspace.worktree_path,
        "WORKSPACES_JSON": json.dumps([dict(hint) for hint in workspace.hints], default=str)
        if workspace.hints
        else None,
    }


def _bare_name(key: str) -> str | None:
    """The name without our prefix, or None for a variable that is not ours."""
    for prefix in (OURS, NATIVE):
        if key.upper().startswith(prefix):
            return key.upper().removeprefix(prefix)
    return None


def _twin(key: str) -> str:
    """The other spelling of one of our variables; any other key is its own twin."""
    if key.startswith(OURS):
        return NATIVE + key.removeprefix(OURS)
    return OURS + key.removeprefix(NATIVE) if key.startswith(NATIVE) else key


def _is_settable(key: str) -> bool:
    return bool(key) and "=" not in key and "\x00" not in key
