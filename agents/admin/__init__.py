"""The admin of the WHO."""

from __future__ import annotations

from agents.admin import agents, approvals, budgets, companies, credentials, errors, journal, skills

__all__ = ["agents", "approvals", "budgets", "companies", "credentials", "errors", "journal", "skills"]
