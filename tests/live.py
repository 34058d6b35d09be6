"""Small helpers for tests of the live feed."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit

import orjson
from asgiref.testing import ApplicationCommunicator

from agents.key_material import hash_key
from agents.models import Agent, AgentKey, Company

SECONDS = 5.0


class Socket:
    """A socket client that talks to the ASGI application without a network."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        from config.asgi import application

        parts = urlsplit(url)
        scope = {
            "type": "websocket",
            "path": parts.path,
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
            "subprotocols": [],
        }
        self.peer = ApplicationCommunicator(application, scope)

    async def connect(self) -> bool:
        """Ask for the upgrade; False when it is refused."""
        await self.peer.send_input({"type": "websocket.connect"})
        answer: dict[str, Any] = await self.peer.receive_output(SECONDS)
        return bool(answer["type"] == "websocket.accept")

    async def receive_json(self) -> dict[str, Any]:
        """The next message."""
        frame = await self.peer.receive_output(SECONDS)
        assert frame["type"] == "websocket.send", frame
        message: dict[str, Any] = orjson.loads(frame["text"])
        return message

    async def disconnect(self) -> None:
        """Go away."""
        await self.peer.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.peer.wait(SECONDS)


def agent_token(company: Company) -> str:
    """A working bearer key of a new agent of the company."""
    agent = Agent.objects.create(company=company, name="Watcher", url_key="watcher")
    token = f"pcp_{uuid.uuid4().hex}{uuid.uuid4().hex[:16]}"
    AgentKey.objects.create(company=company, agent=agent, prefix=token[:12], key_hash=hash_key(token))
    return token
