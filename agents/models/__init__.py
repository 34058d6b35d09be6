"""The tables of the WHO, and of the two logs."""

from __future__ import annotations

from agents.models.agent import Agent, AgentGrant, ConfigRevision
from agents.models.approvals import Approval, ApprovalComment
from agents.models.budgets import BudgetIncident, BudgetPolicy, CostEvent
from agents.models.company import Company, Member, User
from agents.models.credentials import AgentKey, BoardKey, IdempotencyRecord, Secret
from agents.models.errors import AgentError, ErrorGroup
from agents.models.journal import ActivityEvent, LiveEvent, LiveFeed
from agents.models.skills import Skill

__all__ = [
    "ActivityEvent",
    "Agent",
    "AgentError",
    "AgentGrant",
    "AgentKey",
    "Approval",
    "ApprovalComment",
    "BoardKey",
    "BudgetIncident",
    "BudgetPolicy",
    "Company",
    "ConfigRevision",
    "CostEvent",
    "ErrorGroup",
    "IdempotencyRecord",
    "LiveEvent",
    "LiveFeed",
    "Member",
    "Secret",
    "Skill",
    "User",
]
