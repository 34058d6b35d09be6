"""From a claimed run to everything that its start needs: session, folder, environment, command (spec/2 D)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings

from agents.adapter_schemas import adapter_flaws
from agents.run_token import RunClaims, mint_run_token
from agents.secret_box import CannotOpen
from agents.secrets import resolve_bindings
from config.common.wire.errors import Unprocessable
from heartbeats.execution.adapters import adapter_for, binds_sessions_to_folders
from heartbeats.execution.adapters.base import Invocation, Plan, SetupError, Skilled
from heartbeats.execution.adapters.started import write_started
from heartbeats.execution.bell_socket import doorbell_path
from heartbeats.execution.launch import LaunchSpec
from heartbeats.execution.orders import Orders
from heartbeats.execution.placing import agent_home, find_place
from heartbeats.execution.prelude.git import shown
from heartbeats.execution.preluding import command_for
from heartbeats.execution.project_places import repository_passwords
from heartbeats.execution.rundir import RunDir
from heartbeats.execution.session_place import settle_session
from heartbeats.execution.skills import write_skills
from heartbeats.execution.start_environment import StartEnvironment
from heartbeats.execution.start_facts import StartFacts, Wake, load_wake
from heartbeats.execution.workspaces import Place
from heartbeats.models import HeartbeatRun
from heartbeats.readings import JsonObject, object_of
from heartbeats.runs.bounds import bound_payload
from heartbeats.runs.environment import REDACTED, masked
from heartbeats.runs.told import StartedSession
from heartbeats.vocabulary import ErrorFamily
from heartbeats.wakeups.context import HARNESS_CHECKOUT, WAKE_PAYLOAD


@dataclass(frozen=True, slots=True)
class Prepared:
    """A start that only has to happen. `invoked` is the payload of the `adapter.invoke` event, secrets masked.

    `handed` is what the run's context gains: the wake payload as it was built. `workspace_id` is the issue's own
    worktree.
    """

    spec: LaunchSpec
    orders: Orders
    invoked: JsonObject
    handed: JsonObject
    workspace_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Config:
    """The adapter configuration with its secrets, and the values that must reach no log."""

    values: JsonObject
    env: dict[str, str]
    secrets: tuple[str, ...]
    references: tuple[str, ...] = ()


def prepare(facts: StartFacts, directory: RunDir, *, lease_until: float, now: datetime) -> Prepared:
    """Everything that the start needs, nothing started. Raises SetupError for what cannot work."""
    adapter = adapter_for(facts.run.adapter_type)
    config = _resolve_config(facts)
    place = find_place(facts, now=now)
    facts = _with_settled_session(facts, place)
    wake = load_wake(facts)
    token = _token(facts, now)
    environment = StartEnvironment(facts, config.env, wake, token, directory)
    env = environment.of_place(place)
    plan = adapter.plan(_invocation(facts, config, place, wake, env, directory))
    env.update(plan.env)
    command = command_for(plan, place, directory.path.absolute(), env.get("PATH"), environment.of_option)
    plan = replace(plan, timeout_sec=command.timeout_sec)
    orders = replace(_orders(facts, plan, lease_until), secrets=tuple(sorted(set(config.references))))
    spec = LaunchSpec(
        run_id=str(facts.run.pk),
        marker=orders.name,
        argv=command.argv,
        env=env,
        cwd=command.cwd,
        stdin=command.stdin,
        redact=tuple(filter(None, (*config.secrets, token, *repository_passwords(facts.places)))),
        max_log_bytes=settings.RUN_LOG_MAX_BYTES,
        grace_sec=plan.grace_sec,
        deadman_sec=settings.RUN_DEADMAN_SEC or None,
        doorbell=str(doorbell_path(settings.RUNS_DIR)),
        notes=(*facts.notes, *place.warnings),
    )
    write_started(directory.path, {**_folder(place), **plan.remember})
    own_tree = place.tree.row_id if place.tree else None
    return Prepared(spec, orders, _invoked(facts, plan, place, env, spec.redact), _handed(facts, wake), own_tree)


def _handed(facts: StartFacts, wake: Wake) -> JsonObject:
    """What belongs to this execution only: a repetition of the run builds its own."""
    checked_out = {HARNESS_CHECKOUT: True} if facts.checked_out else {}
    return {**checked_out, **({WAKE_PAYLOAD: wake.payload} if wake.payload else {})}


def _with_settled_session(facts: StartFacts, place: Place) -> StartFacts:
    """The session that can be resumed in this place; the run remembers it as the one that it began with."""
    bound = binds_sessions_to_folders(facts.run.adapter_type)
    settled = settle_session(facts.resume, place, agent_home(facts), bound_to_folder=bound)
    before = settled.resume.session.persisted_id
    if facts.run.session_id_before != before:
        HeartbeatRun.objects.filter(pk=facts.run.pk, company_id=facts.run.company_id, epoch=facts.run.epoch).update(
            session_id_before=before
        )
    notes = facts.notes if settled.note is None else (*facts.notes, settled.note)
    return replace(facts, resume=settled.resume, notes=notes)


def _folder(place: Place) -> JsonObject:
    """Where a session that begins now will belong."""
    folder = place.folder
    return {
        "cwd": place.cwd,
        "workspaceId": folder.workspace_id,
        "repoUrl": shown(folder.repo_url) if folder.repo_url else None,
        "repoRef": folder.repo_ref,
        "executionWorkspaceId": place.tree.row_id if place.tree else None,
    }


def _resolve_config(facts: StartFacts) -> _Config:
    """Check once more what the API checked: rows may be older than the rules."""
    given = facts.config.values
    flaws = adapter_flaws(facts.run.adapter_type, given)
    if flaws:
        raise SetupError("adapter_config_invalid", "; ".join(flaw.sentence for flaw in flaws))
    env, headers = object_of(given.get("env")), object_of(given.get("headers"))
    if facts.project is not None:
        env = {**object_of(facts.project.env), **env}
    try:
        resolved = resolve_bindings(facts.run.company_id, env)
        resolved_headers = resolve_bindings(facts.run.company_id, headers)
    except Unprocessable as problem:
        raise SetupError("secret_missing", f"{problem}.") from None
    except CannotOpen as problem:
        raise SetupError("secret_unreadable", f"{problem}.") from None
    secrets = [*_opened(env, resolved), *_opened(headers, resolved_headers)]
    values = {**given, "env": resolved, "headers": resolved_headers}
    return _Config(values, resolved, tuple(secrets), (*_references(env), *_references(headers)))


def _references(bindings: Mapping[str, Any]) -> list[str]:
    found = (object_of(binding) for binding in bindings.values())
    return [str(one.get("secretId") or one.get("name")) for one in found if one.get("type") == "secret_ref"]


def _opened(bindings: Mapping[str, Any], resolved: Mapping[str, str]) -> list[str]:
    """Values that came out of the secret store."""
    return [resolved[name] for name, binding in bindings.items() if object_of(binding).get("type") == "secret_ref"]


def _token(facts: StartFacts, now: datetime) -> str | None:
    run = facts.run
    claims = RunClaims(run.agent_id, run.company_id, run.pk, run.adapter_type, run.epoch)
    return mint_run_token(claims, now=now)


def _invocation(
    facts: StartFacts, config: _Config, place: Place, wake: Wake, env: Mapping[str, str], directory: RunDir
) -> Invocation:
    return Invocation(
        run_id=str(facts.run.pk),
        agent_id=str(facts.run.agent_id),
        agent_name=facts.run.agent.name,
        company_id=str(facts.run.company_id),
        config=config.values,
        context=wake.context,
        env=env,
        cwd=place.cwd,
        run_dir=directory.path,
        session=facts.resume.session,
        task_text=wake.task_text,
        wake_payload=wake.payload,
        handoff=facts.rotation.handoff_markdown,
        skills=_skills(facts, directory),
    )


def _skills(facts: StartFacts, directory: RunDir) -> tuple[Skilled, ...]:
    try:
        return write_skills(facts.skills, directory.path)
    except OSError as problem:
        told = f"The run's skills cannot be written: {problem.strerror}."
        raise SetupError("skills_unwritable", told, None) from None


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
