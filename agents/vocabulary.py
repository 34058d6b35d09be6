"""Closed lists of the WHO: agents, members, errors, money. The members' values are the wire values."""

from __future__ import annotations

from enum import StrEnum


class CompanyStatus(StrEnum):
    """Whether a company's work may run."""

    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


class PauseReason(StrEnum):
    """Who stopped a company, a project or an agent: only `budget` is lifted by raising a budget."""

    MANUAL = "manual"
    BUDGET = "budget"
    SYSTEM = "system"


class AgentStatus(StrEnum):
    """The life cycle of an agent (spec/2 A)."""

    ACTIVE = "active"
    IDLE = "idle"
    RUNNING = "running"
    ERROR = "error"
    PAUSED = "paused"
    PENDING_APPROVAL = "pending_approval"
    TERMINATED = "terminated"


NOT_INVOKABLE = frozenset({AgentStatus.PAUSED, AgentStatus.PENDING_APPROVAL, AgentStatus.TERMINATED})
INVOKABLE = frozenset(AgentStatus) - NOT_INVOKABLE


class Presence(StrEnum):
    """What a heartbeat reports (spec/1 A). Only the server sets `offline`."""

    OFFLINE = "offline"
    ONLINE = "online"
    BUSY = "busy"
    ERROR = "error"
    BENCHMARKED = "benchmarked"


class AgentRole(StrEnum):
    """What an agent is in its company."""

    CEO = "ceo"
    CTO = "cto"
    CMO = "cmo"
    CFO = "cfo"
    SECURITY = "security"
    ENGINEER = "engineer"
    DESIGNER = "designer"
    PM = "pm"
    QA = "qa"
    DEVOPS = "devops"
    RESEARCHER = "researcher"
    GENERAL = "general"


class AdapterType(StrEnum):
    """How an agent runs: started by us, called over HTTP, or polling us (`remote`)."""

    PROCESS = "process"
    HTTP = "http"
    CLAUDE_LOCAL = "claude_local"
    CODEX_LOCAL = "codex_local"
    GEMINI_LOCAL = "gemini_local"
    CURSOR = "cursor"
    OPENCODE_LOCAL = "opencode_local"
    PI_LOCAL = "pi_local"
    HERMES_LOCAL = "hermes_local"
    OPENCLAW_GATEWAY = "openclaw_gateway"
    REMOTE = "remote"


class MemberRole(StrEnum):
    """What a person may do in a company: a viewer only reads."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class Permission(StrEnum):
    """Rights that are granted one by one (spec/4 section 0)."""

    AGENTS_CREATE = "agents:create"
    ENVIRONMENTS_MANAGE = "environments:manage"
    USERS_INVITE = "users:invite"
    USERS_MANAGE_PERMISSIONS = "users:manage_permissions"
    TASKS_ASSIGN = "tasks:assign"
    TASKS_ASSIGN_SCOPE = "tasks:assign_scope"
    TASKS_MANAGE_ACTIVE_CHECKOUTS = "tasks:manage_active_checkouts"
    JOINS_APPROVE = "joins:approve"


class ActorType(StrEnum):
    """Who did something, as the activity log names it."""

    AGENT = "agent"
    USER = "user"
    SYSTEM = "system"
    PLUGIN = "plugin"


class ErrorSeverity(StrEnum):
    """How bad a reported error is."""

    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"
    FATAL = "fatal"


class TriageState(StrEnum):
    """What people have said of an error group; a new occurrence reopens a resolved one (spec/1 I)."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    IGNORED = "ignored"


class BudgetScope(StrEnum):
    """What a budget limits."""

    COMPANY = "company"
    AGENT = "agent"
    PROJECT = "project"


class BudgetWindow(StrEnum):
    """Over which time spending is added up."""

    CALENDAR_MONTH_UTC = "calendar_month_utc"
    LIFETIME = "lifetime"


class BudgetThreshold(StrEnum):
    """Which line of a budget was crossed."""

    SOFT = "soft"
    HARD = "hard"


class IncidentStatus(StrEnum):
    """What became of a budget incident."""

    OPEN = "open"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


class BillingType(StrEnum):
    """How usage was paid for."""

    METERED_API = "metered_api"
    SUBSCRIPTION_INCLUDED = "subscription_included"
    SUBSCRIPTION_OVERAGE = "subscription_overage"
    CREDITS = "credits"
    FIXED = "fixed"
    UNKNOWN = "unknown"


class ApprovalType(StrEnum):
    """What a person is asked to approve."""

    HIRE_AGENT = "hire_agent"
    APPROVE_CEO_STRATEGY = "approve_ceo_strategy"
    BUDGET_OVERRIDE_REQUIRED = "budget_override_required"
    REQUEST_BOARD_APPROVAL = "request_board_approval"


class ApprovalStatus(StrEnum):
    """What became of an approval."""

    PENDING = "pending"
    REVISION_REQUESTED = "revision_requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class LiveEventType(StrEnum):
    """What the live socket announces (spec/2 L)."""

    RUN_QUEUED = "heartbeat.run.queued"
    RUN_STATUS = "heartbeat.run.status"
    RUN_EVENT = "heartbeat.run.event"
    RUN_LOG = "heartbeat.run.log"
    AGENT_STATUS = "agent.status"
    AGENT_ERROR = "agent.error"
    ACTIVITY_LOGGED = "activity.logged"
    ISSUE_CHANGED = "issue.changed"
    RECOVERY_SWEEP = "recovery.sweep"
