"""Wakes that met an agent which could not be woken, asked for again when it can (spec/3 K.8, K.10)."""

from __future__ import annotations

from datetime import datetime

from heartbeats.models import WakeupRequest
from heartbeats.readings import JsonObject
from heartbeats.vocabulary import TriggerDetail, WakeupRowReason, WakeupSource
from heartbeats.wakeups.context import merge_coalesced
from heartbeats.wakeups.request import WakeupAsk, WakeupOutcome, request_unheard
from issues.models import Issue
from recovery.issue_actions import RECOVERY

# Alias `i` is the issue. Whatever was asked later and met another gate has answered for these.
PASSED_OVER = f"""
    w.issue_id = i.id and w.agent_id = i.assignee_agent_id
    and w.status = 'skipped' and w.reason = '{WakeupRowReason.AGENT_NOT_INVOKABLE}'
    and not exists (select 1 from heartbeats_wakeuprequest n
                    where n.issue_id = i.id and n.agent_id = w.agent_id and n.requested_at > w.requested_at
                      and n.reason is distinct from '{WakeupRowReason.AGENT_NOT_INVOKABLE}')
"""  # noqa: S608 - constants


def wake_again(issue: Issue, *, now: datetime) -> WakeupOutcome | None:
    """One wake for all that the assignee of a locked issue was not told while it could not be woken.

    It is asked as the newest of them was, with the comments of every one, oldest first. None: refused again.
    """
    rows = WakeupRequest.objects.raw(
        f"select w.* from heartbeats_wakeuprequest w join issues_issue i on i.id = %s where {PASSED_OVER} "  # noqa: S608
        "order by w.requested_at, w.id",
        [issue.pk],
    )
    newest: WakeupRequest | None = None
    context: JsonObject = {}
    for newest in rows:
        context = merge_coalesced(context, newest.context or {})
    if newest is None:
        return None
    ask = WakeupAsk(
        agent_id=newest.agent_id,
        company_id=issue.company_id,
        source=WakeupSource(newest.source),
        trigger_detail=TriggerDetail.SYSTEM,
        reason=newest.wake_reason,
        payload=newest.payload,
        context=context,
        requested_by=RECOVERY,
    )
    return request_unheard(ask, now=now)
