"""What an operator can do in the admin about work that recovery gave to people: put it back to work (spec/3 K.18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from agents.admin.base import actor_of
from config.common.admin.deeds import Deed, Skipped
from config.common.clock import utc_now
from issues.admin.issues import IssuePage
from issues.models import Issue
from recovery.escalation.undoing import cannot_requeue, requeue_escalated


def _requeue(request: HttpRequest, issue: Issue, _given: Mapping[str, Any]) -> bool | Skipped:
    why_not = requeue_escalated(actor_of(request), issue, now=utc_now())
    return True if why_not is None else Skipped(why_not)


REQUEUE = Deed(
    name="requeue",
    title="Put back to work",
    done="back at work",
    says="Takes an automatic escalation back: the recovery issue is closed, the issue is todo again, its agent is "
    "woken and its retries count from zero. What else blocks it still does.",
    do=_requeue,
    refuse=cannot_requeue,
)

IssuePage.deeds = (*IssuePage.deeds, REQUEUE)
