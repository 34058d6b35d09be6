"""The first operator of an empty database, with a company and an agent to look at."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from agents.actors import ActorSource
from agents.companies import create_company
from agents.configuration import create_agent
from agents.credentials import user_actor
from agents.keys import issue_board_key
from agents.models import Agent, Company, User

OPERATOR = "operator"
COMPANY = "Demo"
AGENT = "Demo agent"
PASSWORD_BYTES = 12


@dataclass(frozen=True, slots=True)
class FirstOperator:
    """What the first start made. Password and token are known only now; `repr` tells neither."""

    user: User
    password: str
    token: str
    company: Company
    agent: Agent

    def __repr__(self) -> str:
        return f"FirstOperator({self.user})"


def bootstrap(*, now: datetime) -> FirstOperator | None:
    """Make the first operator, a board key, a demo company and a process agent; None unless the database is empty.

    Empty means that there is neither a person nor a company. One transaction: a start that dies leaves nothing.
    """
    with transaction.atomic():
        if User.objects.exists() or Company.objects.exists():
            return None
        password = new_password()
        user = User.objects.create_superuser(OPERATOR, password=password)
        key = issue_board_key(user, "first operator")
        actor = user_actor(user, ActorSource.SESSION)
        company = create_company(actor, {"name": COMPANY, "description": "A company to look around in."}, now=now)
        actor = user_actor(user, ActorSource.SESSION)
        agent = create_agent(actor, company.id, _demo_agent(), now=now)
    return FirstOperator(user, password, key.token, company, agent)


def new_password() -> str:
    """A password of 96 random bits."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def _demo_agent() -> dict[str, object]:
    script = settings.BASE_DIR / "heartbeats/demo/agent.py"
    return {
        "name": AGENT,
        "title": "Says what it was asked and finishes",
        "adapter_config": {"command": sys.executable, "args": [str(script)]},
    }


def write_operator_file(path: Path, made: FirstOperator) -> None:
    """Write what a shell sources to act as the operator, readable by its owner only. Replaces an older file."""
    variables = {
        "EVERBEAT_OPERATOR": made.user.get_username(),
        "EVERBEAT_OPERATOR_PASSWORD": made.password,
        **{
            f"{spelling}_{name}": value
            for spelling in ("PAPERCLIP", "EVERBEAT")
            for name, value in (
                ("API_URL", settings.PUBLIC_URL),
                ("API_KEY", made.token),
                ("COMPANY_ID", str(made.company.id)),
            )
        },
    }
    write_private(path, "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))


def write_private(path: Path, text: str) -> None:
    """Write a file that was never readable by anybody but its owner; readers see the old text or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
