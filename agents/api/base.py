"""What the views of every app share: the caller, the clock of the request, and answers to creating requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from uuid import UUID

from rest_framework.response import Response

from agents.actors import Actor
from agents.api.idempotency import answer_once
from agents.api.permissions import actor_of, require_board, require_instance_admin
from config.common.clock import utc_now
from config.common.wire.views import WireView


class ActorView(WireView):
    """A view that knows its caller. `now` is read once per request."""

    @property
    def actor(self) -> Actor:
        """The caller; 401 when there is none."""
        return actor_of(self.request)

    @cached_property
    def now(self) -> datetime:
        """The time of this request."""
        return utc_now()

    @property
    def company_ref(self) -> str | None:
        """The company that a shortname is looked up in: `?companyId=`."""
        return self.request.query_params.get("companyId") or None

    def board_only(self) -> Actor:
        """The caller, if it is a person; else 403 `Board access required`."""
        require_board(self.actor)
        return self.actor

    def admin_only(self) -> Actor:
        """The caller, if it administers the instance; else 403."""
        require_instance_admin(self.actor)
        return self.actor

    def once(self, company_id: UUID | None, work: Callable[[], Response], *, secret: bool = False) -> Response:
        """The answer to a creating request, given once per idempotency key."""
        return answer_once(self.request, company_id, work, secret=secret)
