"""What must hold after every step, and what must hold when the sweeps have nothing left to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Q

from agents.models import Agent
from agents.vocabulary import NOT_INVOKABLE
from heartbeats.models import HeartbeatRun, Intent, WakeupRequest
from heartbeats.models.intent import IntentKind
from heartbeats.vocabulary import RunStatus, WakeupStatus
from heartbeats.wakeups.context import comment_ids
from issues.readiness import HOLD_SQL
from recovery.audit.run import CHECKS, audit
from recovery.stranded.passed_over import PASSED_OVER
from tests.model.world import World

# These speak of what the sweeps have not done yet, or of files: they are asked at the end.
_IN_TIME = {"no_issue_is_stalled", "expired_lease_was_judged", "due_retry_was_promoted", "log_bytes_match"}
AT_ONCE = [check.name for check in CHECKS if check.name not in _IN_TIME]

_ODDITIES = """
select 'wakeup ' || coalesce(w.reason, w.source) || ' is ' || w.status || ' but no live run serves it'
from heartbeats_wakeuprequest w
where w.status in ('queued', 'claimed') and not exists (
    select 1 from heartbeats_heartbeatrun r
    where r.wakeup_id = w.id and r.status in ('queued', 'running', 'scheduled_retry'))
union all
select i.identifier || ' is checked out by a run of another issue'
from issues_issue i join heartbeats_heartbeatrun r on r.id = i.checkout_run_id where r.issue_id is distinct from i.id
union all
select i.identifier || ' is checked out by a run that ended as ' || r.status || ' ' || coalesce(r.error_code, '')
from issues_issue i join heartbeats_heartbeatrun r on r.id = i.checkout_run_id
where r.status not in ('queued', 'running', 'scheduled_retry') and not exists (
    select 1 from heartbeats_heartbeatrun n where n.retry_of_run_id = r.id)
union all
select a.name || ' is ' || a.status || ' while a run of it is running'
from agents_agent a where a.status in ('idle', 'active') and a.adapter_type <> 'remote' and exists (
    select 1 from heartbeats_heartbeatrun r where r.agent_id = a.id and r.status = 'running')
union all
select a.name || ' is running, but none of its runs is'
from agents_agent a where a.status = 'running' and not exists (
    select 1 from heartbeats_heartbeatrun r where r.agent_id = a.id and r.status = 'running')
union all
select a.name || ' is ' || a.status || ' and has a run that is ' || r.status
from agents_agent a join heartbeats_heartbeatrun r on r.agent_id = a.id
where a.status in ('paused', 'terminated') and r.status in ('running', 'scheduled_retry')
"""

_BLOCKED_FOR_NOTHING = """
select i.identifier || ' is blocked by finished work only, and nobody woke ' || a.name
from issues_issue i join agents_agent a on a.id = i.assignee_agent_id
where i.status = 'blocked' and i.origin_kind = 'manual'
  and a.status not in ('paused', 'terminated', 'pending_approval') and a.wake_on_demand
  and exists (select 1 from issues_issuerelation e where e.blocked_id = i.id)
  and not exists (select 1 from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
                  where e.blocked_id = i.id and b.status <> 'done')
  and not exists (
      select 1 from heartbeats_wakeuprequest w where w.issue_id = i.id and w.requested_at >= (
          select max(b.completed_at) from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
          where e.blocked_id = i.id))
"""

_LEFT_WAITING = f"""
select i.identifier || ' has a deferred wakeup of ' || a.name || ' and no live run that will release it'
from heartbeats_wakeuprequest w join issues_issue i on i.id = w.issue_id join agents_agent a on a.id = w.agent_id
where w.status = 'deferred_issue_execution' and {HOLD_SQL} is null and not exists (
    select 1 from heartbeats_heartbeatrun r
    where r.issue_id = i.id and r.status in ('queued', 'running', 'scheduled_retry'))
"""


_NEVER_TOLD = f"""
select a.name || ' can be woken, and was not told on ' || i.identifier || ' what was asked while it could not'
from heartbeats_wakeuprequest w join agents_agent a on a.id = w.agent_id
join issues_issue i on {PASSED_OVER}
where i.status not in ('backlog', 'done', 'cancelled') and {HOLD_SQL} is null
  and a.status not in ('paused', 'terminated', 'pending_approval') and a.wake_on_demand
  and not exists (select 1 from agents_budgetincident b where b.status = 'open' and b.threshold_type = 'hard')
"""


@dataclass
class Promises:
    """The checks, and what they remember between steps: how each run ended, and which comment is to reach whom."""

    world: World
    ended: dict[UUID, str] = field(default_factory=dict)
    owed: dict[tuple[str, UUID], str] = field(default_factory=dict)

    def owe(self, comment_id: UUID, agent: Agent, what: str) -> None:
        """This comment is to reach this agent, or a row says why not."""
        self.owed[str(comment_id), agent.pk] = what

    def keep(self) -> None:
        """Raise the story when a promise is broken now."""
        wrongs = [violation.text for violation in audit(only=AT_ONCE)]
        wrongs += _texts(_ODDITIES)
        wrongs += self._changed_after_the_end()
        wrongs += self._lost_comments()
        if wrongs:
            raise self.world.broken(*wrongs)

    def keep_at_rest(self) -> None:
        """The same for a world in which every sweep has found nothing to do."""
        self.world.jump(timedelta(minutes=10), attended=True)
        wrongs = [violation.text for violation in audit()]
        wrongs += _texts(_BLOCKED_FOR_NOTHING)
        wrongs += _texts(_LEFT_WAITING)
        wrongs += _texts(_NEVER_TOLD)
        wrongs += [f"nobody has carried out: {intent}" for intent in Intent.objects.all()]
        if wrongs:
            raise self.world.broken(*wrongs)

    def _changed_after_the_end(self) -> Iterator[str]:
        rows = HeartbeatRun.objects.filter(status__in=RunStatus.TERMINAL).values_list("pk", "status", "error_code")
        for run_id, status, code in rows:
            end = f"{status} {code}"
            if self.ended.setdefault(run_id, end) != end:
                yield f"{self.world.call(run_id)} had ended as {self.ended[run_id]} and is {end} now"

    def _lost_comments(self) -> Iterator[str]:
        if not self.owed:
            return
        carried = _carried_by_runs() | _carried_by_wakeups() | _carried_by_intents()
        refused = set(Agent.objects.filter(status__in=NOT_INVOKABLE).values_list("pk", flat=True))
        for key, what in list(self.owed.items()):
            if key not in carried and key[1] in refused:
                del self.owed[key]  # paused before the wake was asked for: gate 3 leaves no row
            elif key not in carried:
                yield f"{what} is lost: no run, no waiting wakeup and no reason for {self.world.call(key[1])}"


def _carried_by_runs() -> set[tuple[str, UUID]]:
    rows = HeartbeatRun.objects.values_list("agent_id", "context")
    return {(comment_id, agent_id) for agent_id, context in rows for comment_id in comment_ids(context)}


def _carried_by_wakeups() -> set[tuple[str, UUID]]:
    """Waiting ones, and closed ones that say why they were not served."""
    told = Q(status=WakeupStatus.SKIPPED) | Q(error__isnull=False)
    rows = WakeupRequest.objects.filter(Q(status=WakeupStatus.DEFERRED) | told)
    found = set()
    for agent_id, context, payload, comment_id in rows.values_list("agent_id", "context", "payload", "wake_comment_id"):
        named = [*comment_ids(context or {}), *comment_ids(payload or {}), str(comment_id)]
        found |= {(one, agent_id) for one in named}
    return found


def _carried_by_intents() -> set[tuple[str, UUID]]:
    """Wakes that are still to be asked for."""
    bodies = Intent.objects.filter(kind=IntentKind.WAKE).values_list("body", flat=True)
    return {(one, UUID(body["agentId"])) for body in bodies for one in comment_ids(body["context"])}


def _texts(statement: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [text for (text,) in cursor.fetchall()]
