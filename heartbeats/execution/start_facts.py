"""Loading what a start depends on: the run with its agent, issue, project and session, in a handful of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from agents.models import Skill
from agents.skills import desired_skills
from heartbeats.execution.auto_checkout import HarnessCheckout
from heartbeats.execution.project_places import ProjectPlaces, load_places
from heartbeats.execution.skills import enabled_skills, mentioning_comments
from heartbeats.models import HeartbeatRun, RuntimeState, TaskSession
from heartbeats.readings import JsonObject, text_of
from heartbeats.runs.compaction import (
    NO_ROTATION,
    Rotation,
    SessionRun,
    evaluate_compaction,
    history_length,
    parse_compaction_policy,
)
from heartbeats.runs.effective_config import EffectiveConfig, run_config
from heartbeats.runs.sessions import NO_SESSION, ResumeChoice, SavedTaskSession, SessionState, choose_session
from heartbeats.runs.task_text import TaskIssue, task_markdown
from heartbeats.runs.wake_payload import ContinuationSummary, WakeComment, WakeIssue, build_wake_payload
from heartbeats.vocabulary import RunStatus
from heartbeats.wakeups.context import HARNESS_CHECKOUT, comment_ids, derive_session_key
from issues.models import Issue, IssueComment, IssueDocument, Project

CONTINUATION_SUMMARY = "continuation-summary"
# How a retry of a codex run after trouble upstream is to differ from the last one (spec/3 B).
FALLBACK_MODE = "codexTransientFallbackMode"
_FRESH_MODES = frozenset({"fresh_session", "fresh_session_safer_invocation"})


@dataclass(frozen=True, slots=True)
class StartFacts:
    """A claimed run and all that its start depends on. `notes` are lines for its log.

    `resume` is the session to start with; `previous` the one that would have been, had it not been rotated: its folder
    is still the task's.
    """

    run: HeartbeatRun
    issue: Issue | None
    places: ProjectPlaces
    summary: IssueDocument | None
    resume: ResumeChoice
    rotation: Rotation
    previous: SessionState = NO_SESSION
    config: EffectiveConfig = field(default_factory=lambda: EffectiveConfig({}))
    checked_out: bool = False
    skills: tuple[Skill, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def project(self) -> Project | None:
        """The project that the run works for."""
        return self.places.project


@dataclass(frozen=True, slots=True)
class Wake:
    """What the agent is told: the context it was woken with, the wake payload, and the task as text."""

    context: JsonObject
    payload: JsonObject | None
    task_text: str | None


def load_run(run_id: UUID, epoch: int) -> HeartbeatRun | None:
    """The run of this claim with its agent; None when the claim is over."""
    rows = HeartbeatRun.objects.select_related("agent").annotate(mentioning=mentioning_comments())
    return rows.filter(pk=run_id, epoch=epoch, status=RunStatus.RUNNING).first()


def load_facts(run: HeartbeatRun, checkout: HarnessCheckout) -> StartFacts:
    """The rest. One statement for a run without issue, up to eight with issue, project, session and skills."""
    issue = run.issue
    summary = _continuation_summary(issue)
    saved = _saved_session(run)
    resume = _resume(run, saved)
    rotation = _rotation(run, resume, summary)
    previous = resume.session
    told = [f"Checkout: {checkout.refusal}; the run goes on without it."] if checkout.refusal else []
    if resume.reset_reason and saved is not None:
        told.append(f"Session: starting afresh, because {resume.reset_reason}.")
    if rotation.rotate:
        told.append(f"Session: starting afresh, because {rotation.reason}.")
        resume = ResumeChoice(NO_SESSION, reset_reason=rotation.reason)
    places = load_places(run)
    config = run_config(run.agent, issue)
    skilled = enabled_skills(run, desired_skills(config.values), getattr(run, "mentioning", []))
    return StartFacts(
        run,
        issue,
        places,
        summary,
        resume,
        rotation,
        previous,
        config=config,
        checked_out=checkout.held,
        skills=skilled.skills,
        notes=(*told, *config.notes, *places.notes, *skilled.notes),
    )


def load_wake(facts: StartFacts) -> Wake:
    """The wake payload and the task text. One statement when the wake names comments, else none."""
    context = dict(facts.run.context)
    if facts.checked_out:
        context[HARNESS_CHECKOUT] = True
    if facts.rotation.rotate:
        context |= _handoff(facts)
    comments = _comments(facts, comment_ids(context))
    issue = facts.issue
    payload = build_wake_payload(
        context,
        issue=_shown(issue) if issue else None,
        comments=comments,
        summary=_summary(facts.summary),
    )
    task = TaskIssue(issue.identifier or str(issue.pk), issue.title, issue.description) if issue else None
    return Wake(context, payload, task_markdown(task, comments[-1].body if comments else None))


def _handoff(facts: StartFacts) -> JsonObject:
    """What the context tells of a session that was left behind [executeRun]."""
    told = {
        "paperclipSessionHandoffMarkdown": facts.rotation.handoff_markdown,
        "paperclipSessionRotationReason": facts.rotation.reason,
        "paperclipPreviousSessionId": facts.previous.persisted_id,
    }
    return {key: value for key, value in told.items() if value}


def _session_key(run: HeartbeatRun) -> str | None:
    return derive_session_key(run.context) or run.task_key


def _saved_session(run: HeartbeatRun) -> SavedTaskSession | None:
    key = _session_key(run)
    if key is None:
        return None
    rows = TaskSession.objects.filter(
        agent_id=run.agent_id, company_id=run.company_id, adapter_type=run.adapter_type, task_key=key
    )
    row = rows.values_list("session_params", "session_display_id", "last_run_id").first()
    return SavedTaskSession(row[0], row[1], str(row[2])) if row else None


def _resume(run: HeartbeatRun, saved: SavedTaskSession | None) -> ResumeChoice:
    mode = text_of(run.context.get(FALLBACK_MODE))
    if mode in _FRESH_MODES:
        return ResumeChoice(NO_SESSION, reset_reason=f"the retry is to be a {mode}")
    key = _session_key(run)
    state = None
    if key is None:
        states = RuntimeState.objects.filter(
            agent_id=run.agent_id, company_id=run.company_id, adapter_type=run.adapter_type
        )
        state = states.values_list("session_id", flat=True).first()
    return choose_session(run.context, task_key=key, task_session=saved, runtime_session_id=state)


def _rotation(run: HeartbeatRun, resume: ResumeChoice, summary: IssueDocument | None) -> Rotation:
    session_id = resume.session.persisted_id
    if not session_id:
        return NO_ROTATION
    policy = parse_compaction_policy(run.adapter_type, run.agent.runtime_config)
    rows = HeartbeatRun.objects.filter(
        company_id=run.company_id, agent_id=run.agent_id, session_id_after=session_id
    ).exclude(pk=run.pk)
    newest = rows.order_by("-created_at").values("id", "created_at", "liveness_state", "usage", "result")
    history = [
        SessionRun(
            str(row["id"]),
            row["created_at"],
            row["liveness_state"],
            row["usage"],
            (row["result"] or {}).get("summary"),
        )
        for row in newest[: history_length(policy)]
    ]
    oldest = rows.order_by("created_at").values_list("created_at", flat=True).first() if history else None
    return evaluate_compaction(
        policy=policy,
        session_id=session_id,
        runs=history,
        oldest_created_at=oldest,
        issue_id=str(run.issue_id) if run.issue_id else None,
        continuation_summary=summary.body if summary else None,
    )


def _continuation_summary(issue: Issue | None) -> IssueDocument | None:
    if issue is None:
        return None
    return IssueDocument.objects.filter(issue=issue, company_id=issue.company_id, key=CONTINUATION_SUMMARY).first()


def _comments(facts: StartFacts, ids: Sequence[str]) -> list[WakeComment]:
    if not ids:
        return []
    known = [found for found in map(_uuid, ids) if found]
    rows = {str(row.pk): row for row in IssueComment.objects.filter(company_id=facts.run.company_id, pk__in=known)}
    return [_wake_comment(rows[comment_id]) for comment_id in ids if comment_id in rows]


def _wake_comment(row: IssueComment) -> WakeComment:
    author_type = "agent" if row.author_agent_id else "user" if row.author_user_id else "system"
    author = row.author_agent_id or row.author_user_id
    return WakeComment(
        str(row.pk), str(row.issue_id), row.body, row.created_at, author_type, str(author) if author else None
    )


def _shown(issue: Issue) -> WakeIssue:
    return WakeIssue(str(issue.pk), issue.identifier, issue.title, issue.status, issue.priority)


def _summary(document: IssueDocument | None) -> ContinuationSummary | None:
    if document is None:
        return None
    return ContinuationSummary(document.key, document.title, document.body, document.updated_at)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
