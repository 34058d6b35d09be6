"""Skills: written by people, mentioned in issues, handed to runs (spec/2 D)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.models import Skill
from config.common.wire.errors import Unprocessable

MOST_BODY_CHARS = 200_000
# Where an adapter configuration names the skills that its agent always has (seed 002).
PREFERENCE = "paperclipSkillSync"
MOST_SKILLS = 100
_KEY = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


def store_skill(company_id: UUID, key: str, *, name: str, description: str, body: str, now: datetime) -> Skill:
    """Create the skill or give it a new text. Runs that start from now on get it. Locks the row.

    Raises Unprocessable for a key that cannot be a folder's name, and for a text that is empty or too long.
    """
    if not _KEY.fullmatch(key):
        raise Unprocessable("A skill's key is 1 to 64 lower case letters, digits and hyphens")
    if not body.strip() or len(body) > MOST_BODY_CHARS:
        raise Unprocessable(f"A skill's text has 1 to {MOST_BODY_CHARS:,} characters")
    told = {"name": name.strip() or key, "description": description.strip(), "body": body}
    with transaction.atomic():
        skill, created = Skill.objects.get_or_create(company_id=company_id, key=key, defaults=told)
        if not created:
            skill = Skill.objects.select_for_update(no_key=True).get(id=skill.id)
            Skill.objects.filter(id=skill.id).update(**told, updated_at=now)
            skill.refresh_from_db()
    return skill


def desired_skills(adapter_config: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of the skills that an agent always has, as its configuration names them."""
    preference = adapter_config.get(PREFERENCE)
    wanted = preference.get("desiredSkills") if isinstance(preference, Mapping) else None
    if not isinstance(wanted, list):
        return ()
    return tuple(dict.fromkeys(key.strip() for key in wanted if isinstance(key, str) and key.strip()))


def desiring(adapter_config: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """The configuration with these skills as the ones that its agent always has; what else it says stays."""
    preference = adapter_config.get(PREFERENCE)
    wanted = list(dict.fromkeys(key.strip() for key in keys if key.strip()))
    return {
        **adapter_config,
        PREFERENCE: {**(preference if isinstance(preference, Mapping) else {}), "desiredSkills": wanted},
    }
