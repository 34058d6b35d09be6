"""Every documented route outside the agent API, with a member's key: no 500, and every answer as documented (issue 3).

The agent API has a fuzz of its own, in tests/heartbeats/intake.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.openapi import from_wsgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from agents.config_history import snapshot_of
from agents.models import ConfigRevision
from agents.vocabulary import MemberRole
from config.wsgi import application
from recovery.vocabulary import SweepName
from tests.factories.agents import (
    AgentFactory,
    AgentKeyFactory,
    ApprovalFactory,
    BoardKeyFactory,
    CompanyFactory,
    MemberFactory,
)
from tests.factories.heartbeats import running_run
from tests.factories.issues import (
    IssueCommentFactory,
    IssueFactory,
    ProjectFactory,
    ProjectWorkspaceFactory,
    TreeHoldFactory,
)

pytestmark = pytest.mark.django_db

AGENT_API = "/api/v1/agent/"
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
EXAMPLES = {GenerationMode.POSITIVE: 3, GenerationMode.NEGATIVE: 1}
# Of the paths that this many good examples name, all but one exist: behind an unknown id there is nothing but a 404.
REAL = 4
ROOMS = ("agents", "approvals", "companies", "heartbeat-runs", "issues", "projects", "recovery")


@lru_cache(maxsize=1)
def document() -> Any:
    """The document as the application serves it, read once: it takes a second."""
    return from_wsgi("/api/openapi.json", app=application)


def operations(room: str | None) -> list[tuple[str, str]]:
    """The documented path and verb of every operation of a room, or of all that stand in no room."""
    paths: Mapping[str, Mapping[str, Any]] = document().raw_schema["paths"]
    ours = [path for path in paths if not path.startswith(AGENT_API)]
    return [(path, verb) for path in ours if _room_of(path) == room for verb in paths[path]]


def _room_of(path: str) -> str | None:
    room = path.split("/")[2]
    return room if room in ROOMS else None


@dataclass(frozen=True)
class Office:
    """A company with one of everything that a path can name, and the key of its owner."""

    token: str
    ids: Mapping[str, str]
    ids_of: Mapping[str, Mapping[str, str]]

    def real(self, path: str) -> Mapping[str, str]:
        """Ids that exist for the names in this path."""
        return {**self.ids, **self.ids_of.get(_room_of(path) or "", {})}


@pytest.fixture
def office() -> Office:
    """The world that every example finds."""
    with connection.cursor() as cursor:  # drawing examples may take long between two requests
        cursor.execute("set local idle_in_transaction_session_timeout = 0")
    company = CompanyFactory()
    agent = AgentFactory(company=company)
    now = snapshot_of(agent)
    revision = ConfigRevision.objects.create(
        company=company, agent=agent, changed_keys=["name"], before=now, after={**now, "name": "Earlier"}
    )
    issue = IssueFactory(company=company, assignee_agent=agent)
    run = running_run(agent=agent, issue=issue)
    project = ProjectFactory(company=company)
    ids = {
        "company_id": company.pk,
        "run_id": run.pk,
        "comment_id": IssueCommentFactory(issue=issue).pk,
        "hold_id": TreeHoldFactory(root_issue=issue).pk,
        "workspace_id": ProjectWorkspaceFactory(project=project).pk,
        "revision": revision.pk,
        "name": SweepName.PRUNE,
    }
    ids_of = {
        "agents": {"ref": agent.pk, "key": AgentKeyFactory(agent=agent).pk},
        "approvals": {"ref": ApprovalFactory(company=company, requested_by_agent=agent).pk},
        "issues": {"ref": issue.pk, "key": "plan"},
        "projects": {"ref": project.pk},
    }
    member = MemberFactory(company=company, role=MemberRole.OWNER)
    token = BoardKeyFactory(user=member.user).token
    return Office(token, _as_text(ids), {room: _as_text(known) for room, known in ids_of.items()})


def _as_text(ids: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in ids.items()}


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """Requests leave the connection open, as under Django's test client: the test's transaction is in it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@contextmanager
def undone() -> Iterator[None]:
    """What the block does to the database is undone: a savepoint that verbs take for the test's own transaction."""
    block: Any = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


def holds(office: Office, path: str, verb: str, mode: GenerationMode) -> list[int]:
    """Send examples of one operation and check each answer; their statuses. Raises the first failure."""
    heard: list[int] = []
    operation = document()[path][verb.upper()]
    draw = Random(f"{verb} {path} {mode}")

    @seed(7)
    @settings(
        max_examples=EXAMPLES[mode],
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Case) -> None:
        if mode is GenerationMode.POSITIVE and draw.randrange(REAL):
            real = office.real(path)
            case.path_parameters.update({name: real[name] for name in case.path_parameters if name in real})
        case.headers["Authorization"] = (
            f"Bearer {office.token}"  # an example brings a key of its own, which is nobody's
        )
        with undone():
            heard.append(case.call_and_validate(checks=CHECKS).status_code)

    one()
    return heard


@pytest.mark.parametrize("room", [*ROOMS, None])
def test_nothing_crashes_the_documented_routes_and_every_answer_is_as_documented(
    office: Office, room: str | None
) -> None:
    heard: list[int] = []
    failures = []
    for path, verb in operations(room):
        for mode in EXAMPLES:
            try:
                heard += holds(office, path, verb, mode)
            except Unsatisfiable:
                continue  # what takes no body and no parameter cannot be asked wrongly
            except FailureGroup as failure:
                failures.append(f"{verb} {path} ({mode.value}): {failure.message}")
    assert failures == [], "\n\n".join(failures)
    assert sum(status < 300 for status in heard) >= len(heard) / 10, f"too few came to anything: {Counter(heard)}"
