"""Who belongs to a company, and as what. Owners and admins decide; a company keeps at least one owner."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents.access import locked_company_for
from agents.actors import Actor
from agents.journal import activity, log_activity
from agents.models import Member, User
from agents.vocabulary import MemberRole
from config.common.wire.errors import Conflict, Forbidden, NotFound

MANAGERS = frozenset({MemberRole.OWNER, MemberRole.ADMIN})
LAST_OWNER = "A company keeps at least one owner"
NOT_MANAGER = "Only owners and admins manage members"
OWNERS_ONLY = "Only owners make or change owners"


def add_member(actor: Actor, company_id: UUID, username: str, role: MemberRole) -> Member:
    """Give a person a place, logged; 404 for an unknown person, 409 for one who has a place. Locks the company."""
    with transaction.atomic():
        _lock(actor, company_id, role)
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise NotFound.of("Person")
        member, created = Member.objects.get_or_create(company_id=company_id, user=user, defaults={"role": role})
        if not created:
            raise Conflict("This person has a place in the company already")
        _log(actor, member, "member.added", role)
    return member


def change_role(actor: Actor, member_id: UUID, role: MemberRole, *, now: datetime) -> bool:
    """Another role, logged; False if it is that already, 409 for the last owner. Locks the company."""
    with transaction.atomic():
        member = _locked_member(actor, member_id, role)
        if member.role == role:
            return False
        if role != MemberRole.OWNER:
            _require_other_owner(member)
        Member.objects.filter(pk=member.pk).update(role=role, updated_at=now)
        _log(actor, member, "member.role_changed", role)
    return True


def remove_member(actor: Actor, member_id: UUID, *, now: datetime) -> bool:
    """Take a place away, logged; False if it was gone, 409 for the last owner. Locks the company."""
    with transaction.atomic():
        member = _locked_member(actor, member_id)
        _require_other_owner(member)
        return _set_active(actor, member, False, "member.removed", now)


def readmit_member(actor: Actor, member_id: UUID, *, now: datetime) -> bool:
    """Give a place back with the role it had, logged; False if it is active. Locks the company."""
    with transaction.atomic():
        return _set_active(actor, _locked_member(actor, member_id), True, "member.readmitted", now)


def _lock(actor: Actor, company_id: UUID, *roles: str) -> None:
    locked_company_for(actor, company_id)
    if actor.is_instance_admin:
        return
    if actor.user_id is None:
        raise Forbidden(NOT_MANAGER)
    mine = Member.objects.filter(company_id=company_id, user_id=actor.user_id, is_active=True)
    place = mine.values_list("role", flat=True).first()
    if place not in MANAGERS:
        raise Forbidden(NOT_MANAGER)
    if MemberRole.OWNER in roles and place != MemberRole.OWNER:
        raise Forbidden(OWNERS_ONLY)


def _locked_member(actor: Actor, member_id: UUID, *roles: str) -> Member:
    member = Member.objects.filter(pk=member_id).first()
    if member is None or not actor.sees(member.company_id):
        raise NotFound.of("Member")
    _lock(actor, member.company_id, member.role, *roles)
    member.refresh_from_db()
    return member


def _require_other_owner(member: Member) -> None:
    if member.role != MemberRole.OWNER or not member.is_active:
        return
    owners = Member.objects.filter(company_id=member.company_id, role=MemberRole.OWNER, is_active=True)
    if not owners.exclude(pk=member.pk).exists():
        raise Conflict(LAST_OWNER)


def _set_active(actor: Actor, member: Member, active: bool, action: str, now: datetime) -> bool:
    rows = Member.objects.filter(pk=member.pk, is_active=not active)
    won = rows.update(is_active=active, updated_at=now) == 1
    if won:
        _log(actor, member, action, member.role)
    return won


def _log(actor: Actor, member: Member, action: str, role: str) -> None:
    details = {"userId": str(member.user_id), "role": str(role)}
    log_activity(activity(actor, member.company_id, action, entity_type="member", entity_id=member.pk, details=details))
