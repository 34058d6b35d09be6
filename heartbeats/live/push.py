"""Transient live messages: what screens may miss, such as "run R has N bytes". Numbered events go by the relay."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from heartbeats.live.feed import company_group

log = structlog.get_logger(__name__)


def push_transient(company_id: UUID, kind: str, payload: dict[str, Any], *, created_at: str) -> bool:
    """Send one unnumbered message (`id` null) to the company's sockets now; False when Redis would not take it.

    For processes without a transaction of their own (the supervisor); never inside `atomic`.
    """
    layer = get_channel_layer()
    envelope = {"id": None, "companyId": str(company_id), "type": kind, "createdAt": created_at, "payload": payload}
    try:
        async_to_sync(layer.group_send)(company_group(company_id), {"type": "live.events", "events": [envelope]})
    except (RedisError, OSError) as problem:
        log.warning("transient_not_pushed", kind=kind, error=str(problem))
        return False
    return True
