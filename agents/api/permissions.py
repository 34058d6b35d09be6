"""Who may call a route at all. What they may do to which row is decided in `agents.access`.

The texts are part of the contract: command lines start a login when they read them (spec/4 0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from agents.actors import Actor
from config.common.wire.errors import Forbidden, Unauthorized

if TYPE_CHECKING:  # the framework's view module imports this one, by its settings
    from rest_framework.views import APIView

BOARD_ONLY = "Board access required"
ADMIN_ONLY = "Instance admin required"
AGENT_ONLY = "Agent authentication required"


def actor_of(request: Request) -> Actor:
    """The caller; 401 `Unauthorized` when there is none."""
    actor: object = request.user
    if not isinstance(actor, Actor):
        raise Unauthorized
    return actor


def require_board(actor: Actor) -> None:
    """403 for everybody but people."""
    if not actor.is_board:
        raise Forbidden(BOARD_ONLY)


def require_instance_admin(actor: Actor) -> None:
    """403 for everybody but people who administer the instance."""
    require_board(actor)
    if not actor.is_instance_admin:
        raise Forbidden(ADMIN_ONLY)


class IsActor(BasePermission):
    """Any agent or person that we know."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        """True, or 401."""
        actor_of(request)
        return True


class IsBoard(BasePermission):
    """People only."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        """True, or 401 or 403."""
        require_board(actor_of(request))
        return True


class IsInstanceAdmin(BasePermission):
    """People who administer the instance."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        """True, or 401 or 403."""
        require_instance_admin(actor_of(request))
        return True


class IsAgent(BasePermission):
    """Agents only, by key or run token; people get the 401 that the contract names."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        """True, or 401."""
        if not actor_of(request).is_agent:
            raise Unauthorized(AGENT_ONLY)
        return True
