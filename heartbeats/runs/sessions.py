"""Which session a run resumes, and which one the next run will (spec/2 I)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heartbeats.readings import first_text, object_of, text_of
from heartbeats.vocabulary import WakeReason

DISPLAY_ID_MAX_CHARS = 128


@dataclass(frozen=True)
class SessionState:
    """A resumable session: the adapter's parameters, the id shown to people, and the bare id. All None: no session."""

    params: Mapping[str, Any] | None = None
    display_id: str | None = None
    session_id: str | None = None

    @property
    def exists(self) -> bool:
        """True if there is anything to resume."""
        return bool(self.params) or self.display_id is not None or self.session_id is not None

    @property
    def persisted_id(self) -> str | None:
        """The id under which the run's session is recorded (``session_id_after``)."""
        return self.display_id or self.session_id


NO_SESSION = SessionState()


@dataclass(frozen=True)
class SavedTaskSession:
    """A row of the task sessions: per agent, adapter type and task key."""

    params: Mapping[str, Any] | None
    display_id: str | None
    last_run_id: str | None = None

    @property
    def state(self) -> SessionState:
        """The session to resume from this row."""
        session_id = text_of(object_of(self.params).get("sessionId"))
        return SessionState(_params(self.params), cut_display_id(self.display_id or session_id), session_id)


@dataclass(frozen=True)
class ResumeChoice:
    """The session a run starts with. ``reset_reason``: why a saved one is left alone, for the run log."""

    session: SessionState
    task_session_reused: bool = False
    reset_reason: str | None = None


def cut_display_id(value: str | None) -> str | None:
    """The id for people, at most 128 characters; None for an empty one."""
    return value[:DISPLAY_ID_MAX_CHARS] if value and value.strip() else None


def reset_reason(context: Mapping[str, Any]) -> str | None:
    """Why the wake starts afresh, or None when the saved task session may be resumed."""
    if context.get("forceFreshSession") is True:
        return "forceFreshSession was requested"
    reason = context.get("wakeReason")
    return f"wake reason is {reason}" if reason in WakeReason.FRESH_SESSION else None


def choose_session(
    context: Mapping[str, Any],
    *,
    task_key: str | None,
    task_session: SavedTaskSession | None,
    runtime_session_id: str | None,
) -> ResumeChoice:
    """The session to start with: explicit resume beats a reset, then the task session, then the runtime state's.

    The runtime state serves only runs without task key.
    """
    explicit = explicit_session(context)
    why_fresh = reset_reason(context)
    if explicit is not None:
        reused = task_session is not None and why_fresh is None
        return ResumeChoice(explicit, task_session_reused=reused)
    if why_fresh is not None:
        return ResumeChoice(NO_SESSION, reset_reason=why_fresh)
    if task_session is not None:
        return ResumeChoice(task_session.state, task_session_reused=True)
    if task_key is None and text_of(runtime_session_id):
        return ResumeChoice(SessionState(None, cut_display_id(runtime_session_id), runtime_session_id))
    return ResumeChoice(NO_SESSION)


def session_before(
    context: Mapping[str, Any],
    *,
    task_key: str | None,
    task_session: SavedTaskSession | None,
    runtime_session_id: str | None,
) -> str | None:
    """``session_id_before`` of a run that is being queued: explicit resume, else task session, else runtime state."""
    explicit = explicit_session(context)
    if explicit is not None:
        return explicit.persisted_id
    if task_key is not None:
        return task_session.state.persisted_id if task_session is not None else None
    return text_of(runtime_session_id)


def explicit_session(context: Mapping[str, Any]) -> SessionState | None:
    """The session that the context asks to resume (``resumeSessionParams``, ``resumeSessionDisplayId``), if any."""
    params = _params(object_of(context.get("resumeSessionParams")))
    session_id = text_of((params or {}).get("sessionId"))
    display_id = cut_display_id(first_text(context.get("resumeSessionDisplayId"), session_id))
    if params is None and display_id is None:
        return None
    return SessionState(params or {"sessionId": display_id}, display_id, session_id or display_id)


def resume_of_run(
    *,
    run_id: str,
    session_id_before: str | None,
    session_id_after: str | None,
    task_session: SavedTaskSession | None,
) -> SessionState | None:
    """The session of an earlier run, for an explicit resume; None when it had none.

    The saved task session lends its parameters when it is still that run's, or shows the same id.
    """
    wanted = cut_display_id(session_id_after or session_id_before)
    saved = task_session.state if task_session is not None else NO_SESSION
    same = task_session is not None and (
        task_session.last_run_id == run_id or (wanted is not None and saved.display_id == wanted)
    )
    params = saved.params if same else ({"sessionId": wanted} if wanted else None)
    display_id = wanted or (saved.display_id if same else None)
    if params is None and display_id is None:
        return None
    return SessionState(params, display_id, text_of((params or {}).get("sessionId")) or display_id)


def next_session(result: Mapping[str, Any], *, previous: SessionState, rotated: bool = False) -> SessionState:
    """The session to keep after a run, from its adapter result.

    ``clearSession`` ends it; ``sessionParams``, ``sessionId`` or ``sessionDisplayId`` name it (a key that is present
    with null names none); a silent adapter keeps the previous one. After a rotation there is no previous one: a dead
    session never comes back because an adapter said nothing.
    """
    if result.get("clearSession") is True:
        return NO_SESSION
    if not any(key in result for key in ("sessionParams", "sessionId", "sessionDisplayId")):
        return NO_SESSION if rotated else previous
    named_id = text_of(result.get("sessionId"))
    params = _named_params(result, named_id, NO_SESSION if rotated else previous)
    params_id = text_of((params or {}).get("sessionId"))
    display_id = cut_display_id(first_text(result.get("sessionDisplayId"), params_id, named_id))
    return SessionState(params, display_id, named_id or params_id or display_id)


def _named_params(result: Mapping[str, Any], named_id: str | None, previous: SessionState) -> Mapping[str, Any] | None:
    if "sessionParams" in result:
        return _params(object_of(result.get("sessionParams")))
    if "sessionId" in result:
        return {"sessionId": named_id} if named_id else None
    return previous.params


def _params(params: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return dict(params) if params else None
