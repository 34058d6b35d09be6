"""WHAT: projects, issues and everything that hangs on an issue."""

from __future__ import annotations

from django.apps import AppConfig


class IssuesConfig(AppConfig):
    """Announces changes of issues; imports `agents` only."""

    name = "issues"
