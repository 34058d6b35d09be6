"""WHO: companies, members, agents, credentials, errors, budgets; and the two logs that everything writes to."""

from __future__ import annotations

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    """The lowest app of the house."""

    name = "agents"
