"""From a claimed run to everything that its start needs: session, folder, environment, command (spec/2 D)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from agents.adapter_schemas import adapter_flaws
from agents.run_token import RunClaims, mint_run_token
from agents.secret_box import CannotOpen
from agents.secrets import resolve_bindings
from config.common.wire.errors import Unprocessable
from heartbeats.execution.adapters import adapter_for
from heartbeats.execution.adapters.base import RESULT_FILE_VARIABLE, RESULT_NAME, Invocation, Plan, SetupError
from heartbeats.execution.bell_socket import doorbell_path
from heartbeats.execution.launch import LaunchSpec
from heartbeats.execution.orders import Orders
from heartbeats.execution.rundir import RunDir
from heartbeats.execution.start_facts import StartFacts, Wake, load_wake
from heartbeats.execution.workspaces import Folder, Place, choose_place, make_home
from heartbeats.readings import JsonObject, object_of, text_of
from heartbeats.runs.bounds import bound_payload
from heartbeats.runs.environment import REDACTED, ProcessEnvironment, Workspace, build_environment, inherited, masked
from heartbeats.runs.told import StartedSession
from heartbeats.vocabulary import ErrorFamily

# Of the server's environment, what would mislead an agent that works on another Django project.
_NOT_FOR_AGENTS = frozenset({"DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV", "PYTHONUNBUFFERED"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A start that only has to happen. `invoked` is the payload of the `adapter.invoke` event, secrets masked."""

    spec: LaunchSpec
    orders: Orders
    invoked: JsonObject


@dataclass(frozen=True, slots=True)
class _Config:
    """The adapter configuration with its secrets, and the values that must reach no log."""

    values: JsonObject
    env: dict[str, str]
    secrets: tuple[str, ...]


def prepare(facts: StartFacts, directory: RunDir, *, lease_until: float, now: datetime) -> Prepared:
    """Everything that the start needs, nothing started. Raises SetupError for what cannot work."""
    adapter = adapter_for(facts.run.adapter_type)
    config = _resolve_config(facts)
    place = _place(facts)
    wake = load_wake(facts)
    token = _token(facts, now)
    env = _environment(facts, config, place, wake, token, directory)
    plan = adapter.plan(_invocation(facts, config, place, wake, env, directory))
    env.update(plan.env)
    orders = _orders(facts, plan, lease_until)
    spec = LaunchSpec(
        run_id=str(facts.run.pk),
        marker=orders.name,
        argv=plan.argv,
        env=env,
        cwd=place.cwd,
        stdin=plan.stdin,
        redact=tuple(filter(None, (*config.secrets, token))),
        max_log_bytes=settings.RUN_LOG_MAX_BYTES,
        grace_sec=plan.grace_sec,
        deadman_sec=settings.RUN_DEADMAN_SEC or None,
        doorbell=str(doorbell_path(settings.RUNS_DIR)),
        notes=(*facts.notes, *place.warnings),
    )
    return Prepared(spec, orders, _invoked(facts, plan, place, env, spec.redact))


def _resolve_config(facts: StartFacts) -> _Config:
    """Check once more what the API checked: rows may be older than the rules."""
    given = object_of(facts.run.agent.adapter_config)
    flaws = adapter_flaws(facts.run.adapter_type, given)
    if flaws:
        raise SetupError("adapter_config_invalid", "; ".join(flaw.sentence for flaw in flaws))
    env, headers = object_of(given.get("env")), object_of(given.get("headers"))
    if facts.issue is not None and facts.issue.project is not None:
        env = {**object_of(facts.issue.project.env), **env}
    try:
        resolved = resolve_bindings(facts.run.company_id, env)
        resolved_headers = resolve_bindings(facts.run.company_id, headers)
    except Unprocessable as problem:
        raise SetupError("secret_missing", f"{problem}.") from None
    except CannotOpen as problem:
        raise SetupError("secret_unreadable", f"{problem}.") from None
    secrets = [*_opened(env, resolved), *_opened(headers, resolved_headers)]
    values = {**given, "env": resolved, "headers": resolved_headers}
    return _Config(values, resolved, tuple(secrets))


def _opened(bindings: Mapping[str, Any], resolved: Mapping[str, str]) -> list[str]:
    """Values that came out of the secret store."""
    return [resolved[name] for name, binding in bindings.items() if object_of(binding).get("type") == "secret_ref"]


def _place(facts: StartFacts) -> Place:
    try:
        home = make_home(settings.AGENT_HOMES_DIR, str(facts.run.agent_id))
    except OSError as problem:
        raise SetupError(
            "agent_home_unwritable", f"The agent's home cannot be made: {problem.strerror}.", None
        ) from None
    return choose_place(_wanted(facts), home, exists=os.path.isdir)


def _wanted(facts: StartFacts) -> list[Folder]:
    """The folders in order: what the agent's configuration insists on, the project's, the session's."""
    configured = text_of(object_of(facts.run.agent.adapter_config).get("cwd"))
    wanted = [
        Folder(
            "project_primary" if workspace.is_primary else "project",
            text_of(workspace.cwd),
            f"The workspace {workspace.name!r} of the project",
            workspace_id=str(workspace.pk),
            repo_url=workspace.repo_url,
            repo_ref=workspace.repo_ref,
        )
        for workspace in facts.workspaces
    ]
    saved = text_of(object_of(facts.resume.session.params).get("cwd"))
    if saved:
        wanted.append(Folder("task_session", saved, "The folder of the saved session"))
    if configured:
        wanted.append(Folder("adapter_config", configured, "The configured folder", required=True))
    return sorted(wanted, key=lambda folder: not folder.required) if facts.run.adapter_type == "process" else wanted


def _token(facts: StartFacts, now: datetime) -> str | None:
    run = facts.run
    claims = RunClaims(run.agent_id, run.company_id, run.pk, run.adapter_type, run.epoch)
    return mint_run_token(claims, now=now)


def _environment(
    facts: StartFacts, config: _Config, place: Place, wake: Wake, token: str | None, directory: RunDir
) -> dict[str, str]:
    folder = place.folder
    workspace = Workspace(
        cwd=place.cwd,
        source=folder.source,
        workspace_id=folder.workspace_id,
        repo_url=folder.repo_url,
        repo_ref=folder.repo_ref,
        agent_home=str(settings.AGENT_HOMES_DIR / str(facts.run.agent_id)),
    )
    ours = ProcessEnvironment(
        agent_id=str(facts.run.agent_id),
        company_id=str(facts.run.company_id),
        run_id=str(facts.run.pk),
        api_url=settings.API_URL,
        run_token=token,
        context=wake.context,
        wake_payload=wake.payload,
        workspace=workspace,
        configured=config.env,
        extra={RESULT_FILE_VARIABLE: str(directory.path / RESULT_NAME)},
    )
    from_server = {key: value for key, value in inherited(os.environ).items() if key not in _NOT_FOR_AGENTS}
    return {**from_server, **build_environment(ours)}


def _invocation(
    facts: StartFacts, config: _Config, place: Place, wake: Wake, env: Mapping[str, str], directory: RunDir
) -> Invocation:
    return Invocation(
        run_id=str(facts.run.pk),
        agent_id=str(facts.run.agent_id),
        config=config.values,
        context=wake.context,
        env=env,
        cwd=place.cwd,
        run_dir=directory.path,
        session=facts.resume.session,
        task_text=wake.task_text,
        wake_payload=wake.payload,
        handoff=facts.rotation.handoff_markdown,
    )


def _orders(facts: StartFacts, plan: Plan, lease_until: float) -> Orders:
    run = facts.run
    return Orders(
        run_id=run.pk,
        epoch=run.epoch,
        agent_id=run.agent_id,
        company_id=run.company_id,
        adapter_type=run.adapter_type,
        timeout_sec=plan.timeout_sec,
        timeout_configured=plan.timeout_configured,
        grace_sec=plan.grace_sec,
        lease_until=lease_until,
        session=asdict(_started_with(facts)),
    )


def _started_with(facts: StartFacts) -> StartedSession:
    session = facts.resume.session
    return StartedSession(
        session=session,
        task_session_reused=facts.resume.task_session_reused and session.exists,
        rotated=facts.rotation.rotate,
        rotation_reason=facts.rotation.reason,
    )


def _invoked(facts: StartFacts, plan: Plan, place: Place, env: Mapping[str, str], secrets: Sequence[str]) -> JsonObject:
    """What an event may tell of the start: nothing that looks like a secret, and nothing that is one."""
    own = {key: value for key, value in env.items() if key not in os.environ or os.environ[key] != value}
    payload = {
        "adapterType": facts.run.adapter_type,
        "command": plan.argv[0],
        "commandArgs": [_without(word, secrets) for word in plan.argv[1:]],
        "cwd": place.cwd,
        "workspaceSource": place.folder.source,
        "env": {key: _without(value, secrets) for key, value in masked(own).items()},
        "timeoutSec": plan.timeout_sec,
        "graceSec": plan.grace_sec,
        "context": facts.run.context,
        "sessionId": facts.resume.session.persisted_id,
    }
    return bound_payload(payload)


def _without(text: str, secrets: Sequence[str]) -> str:
    return REDACTED if any(secret in text for secret in secrets) else text


def setup_family(code: str) -> ErrorFamily | None:
    """Whether a launch that failed with this code will fail again: what the configuration says cannot work."""
    return ErrorFamily.CONFIG if code in _CONFIG_CODES else None


_CONFIG_CODES = frozenset({"command_not_found", "command_not_executable", "cwd_not_found", "cwd_not_directory"})
