"""Companies, people, agents and their keys, ready to use. A key's token is its `token` attribute."""

from __future__ import annotations

from typing import Any, cast

import factory
from django.utils import timezone

from agents.key_material import new_agent_key, new_board_key
from agents.models import (
    Agent,
    AgentGrant,
    AgentKey,
    Approval,
    BoardKey,
    BudgetIncident,
    BudgetPolicy,
    Company,
    CostEvent,
    ErrorGroup,
    Member,
    Skill,
    User,
)
from agents.vocabulary import AdapterType, ApprovalType, BillingType, BudgetScope, BudgetWindow, MemberRole, Permission


def _letters(number: int) -> str:
    text = ""
    while True:
        number, digit = divmod(number, 26)
        text = chr(ord("A") + digit) + text
        if number == 0:
            return text


class CompanyFactory(factory.django.DjangoModelFactory[Company]):
    """A company with an issue prefix of its own."""

    class Meta:
        model = Company

    name = factory.Sequence(lambda n: f"Company {n}")
    issue_prefix = factory.Sequence(lambda n: f"T{_letters(n)}")


class UserFactory(factory.django.DjangoModelFactory[User]):
    """A person without a password."""

    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"person{n}")
    email = factory.LazyAttribute(lambda person: f"{person.username}@example.org")


class MemberFactory(factory.django.DjangoModelFactory[Member]):
    """A person's place in a company: an owner unless said otherwise."""

    class Meta:
        model = Member

    company = factory.SubFactory(CompanyFactory)
    user = factory.SubFactory(UserFactory)
    role = MemberRole.OWNER


class AgentFactory(factory.django.DjangoModelFactory[Agent]):
    """An idle process agent."""

    class Meta:
        model = Agent

    company = factory.SubFactory(CompanyFactory)
    name = factory.Sequence(lambda n: f"Agent {n}")
    url_key = factory.LazyAttribute(lambda agent: agent.name.lower().replace(" ", "-"))
    adapter_type = AdapterType.PROCESS
    adapter_config = factory.LazyFunction(lambda: {"command": "true"})


class AgentKeyFactory(factory.django.DjangoModelFactory[AgentKey]):
    """A living key of an agent; `.token` is what to send."""

    class Meta:
        model = AgentKey

    agent = factory.SubFactory(AgentFactory)
    company = factory.SelfAttribute("agent.company")

    @classmethod
    def _create(cls, model_class: type[AgentKey], *args: Any, **kwargs: Any) -> AgentKey:
        new = new_agent_key()
        key: Any = super()._create(model_class, *args, **{"prefix": new.prefix, "key_hash": new.key_hash, **kwargs})
        key.token = new.token
        return cast("AgentKey", key)


class BoardKeyFactory(factory.django.DjangoModelFactory[BoardKey]):
    """A living key of a person; `.token` is what to send."""

    class Meta:
        model = BoardKey

    user = factory.SubFactory(UserFactory)

    @classmethod
    def _create(cls, model_class: type[BoardKey], *args: Any, **kwargs: Any) -> BoardKey:
        new = new_board_key()
        key: Any = super()._create(model_class, *args, **{"prefix": new.prefix, "key_hash": new.key_hash, **kwargs})
        key.token = new.token
        return cast("BoardKey", key)


class ApprovalFactory(factory.django.DjangoModelFactory[Approval]):
    """A question to the board that waits."""

    class Meta:
        model = Approval

    company = factory.SubFactory(CompanyFactory)
    type = ApprovalType.REQUEST_BOARD_APPROVAL


class CostEventFactory(factory.django.DjangoModelFactory[CostEvent]):
    """Usage worth 100 cents, now."""

    class Meta:
        model = CostEvent

    agent = factory.SubFactory(AgentFactory)
    company = factory.SelfAttribute("agent.company")
    provider = "anthropic"
    biller = factory.SelfAttribute("provider")
    model = "opus"
    billing_type = BillingType.METERED_API
    cost_cents = 100
    occurred_at = factory.LazyFunction(timezone.now)


class BudgetPolicyFactory(factory.django.DjangoModelFactory[BudgetPolicy]):
    """A monthly limit of 1,000 cents on the whole company."""

    class Meta:
        model = BudgetPolicy

    company = factory.SubFactory(CompanyFactory)
    scope_type = BudgetScope.COMPANY
    scope_id = factory.SelfAttribute("company.id")
    amount = 1_000


def agent_grant(agent: Agent, permission: Permission) -> AgentGrant:
    """One right, given to the agent."""
    return AgentGrant.objects.create(company=agent.company, agent=agent, permission=permission)


class SkillFactory(factory.django.DjangoModelFactory[Skill]):
    """A skill of a company of its own."""

    class Meta:
        model = Skill

    company = factory.SubFactory(CompanyFactory)
    key = factory.Sequence(lambda n: f"skill-{n}")
    name = factory.LazyAttribute(lambda skill: skill.key.title())
    description = "How to do it"
    body = "# Do it\n"


class BudgetIncidentFactory(factory.django.DjangoModelFactory[BudgetIncident]):
    """A hard stop of a company that is in force."""

    class Meta:
        model = BudgetIncident

    company = factory.SubFactory(CompanyFactory)
    policy = factory.SubFactory(BudgetPolicyFactory, company=factory.SelfAttribute("..company"))
    scope_type = BudgetScope.COMPANY
    scope_id = factory.SelfAttribute("company.id")
    window_kind = BudgetWindow.CALENDAR_MONTH_UTC
    window_start = factory.LazyFunction(timezone.now)
    threshold_type = "hard"
    amount_limit = 100
    amount_observed = 101


class ErrorGroupFactory(factory.django.DjangoModelFactory[ErrorGroup]):
    """Errors that an agent reported and nobody has looked at."""

    class Meta:
        model = ErrorGroup

    agent = factory.SubFactory(AgentFactory)
    company = factory.SelfAttribute("agent.company")
    severity = "error"
    fingerprint = factory.Sequence(lambda number: f"fingerprint-{number}")
    message = "The token has expired"
    first_seen_at = factory.LazyFunction(timezone.now)
    last_seen_at = factory.LazyFunction(timezone.now)
