"""The instance itself: is it well, who am I, and a company at one glance (spec/4 9, 13, 16)."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError, connection
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from agents.access import company_for
from agents.api.authentication import ActorAuthentication
from agents.api.base import ActorView
from agents.api.describing import OBJECT, answers
from agents.dashboard import dashboard
from agents.models import Member, User
from config.common.wire.errors import Forbidden, Unauthorized

BOARD_AUTHENTICATION = "Board authentication required"


class Anybody(BasePermission):
    """No caller is turned away."""


class Dashboard(ActorView):
    """`GET /companies/:id/dashboard`."""

    @answers(OBJECT)
    def get(self, _request: Request, company_id: str) -> Response:
        """The figures of a company."""
        return Response(dashboard(company_for(self.actor, company_id), now=self.now))


class WhoAmI(ActorView):
    """`GET /cli-auth/me`."""

    @answers(OBJECT)
    def get(self, _request: Request) -> Response:
        """The person behind the key or session; 401 for an agent."""
        if self.actor.user_id is None:
            raise Unauthorized(BOARD_AUTHENTICATION)
        user = User.objects.get(id=self.actor.user_id)
        places = list(Member.objects.filter(user=user).order_by("created_at"))
        return Response(
            {
                "user": {"id": user.id, "name": user.get_full_name() or user.username, "email": user.email},
                "userId": user.id,
                "isInstanceAdmin": self.actor.is_instance_admin,
                "companyIds": [place.company_id for place in places if place.is_active],
                "memberships": [_membership(place) for place in places],
                "source": self.actor.source,
                "keyId": self.actor.key_id,
            }
        )


class Health(ActorView):
    """`GET /health`: for anybody; more for those who authenticate. A bad credential is nobody here, not a 401."""

    authentication_classes = ()
    permission_classes = (Anybody,)

    @answers(OBJECT)
    def get(self, request: Request) -> Response:
        """Whether the database answers, and whether there is an operator yet."""
        version = settings.SPECTACULAR_SETTINGS["VERSION"]
        try:
            ready = _has_operator()
            known = _is_known(request)
        except DatabaseError:
            connection.close()
            return Response({"status": "unhealthy", "version": version, "error": "database_unreachable"}, status=503)
        short = {
            "status": "ok",
            "deploymentMode": "authenticated",
            "bootstrapStatus": "ready" if ready else "bootstrap_pending",
            "bootstrapInviteActive": False,
        }
        if not known:
            return Response(short)
        more = {
            "version": version,
            "deploymentExposure": "private",
            "authReady": True,
            "features": {"companyDeletionEnabled": True},
        }
        return Response({**short, **more})


def _membership(place: Member) -> dict[str, object]:
    status = "active" if place.is_active else "suspended"
    return {"companyId": place.company_id, "membershipRole": place.role, "status": status}


def _has_operator() -> bool:
    return User.objects.filter(is_superuser=True, is_active=True).exists()


def _is_known(request: Request) -> bool:
    try:
        return ActorAuthentication().authenticate(request) is not None
    except (Unauthorized, Forbidden):
        return False
