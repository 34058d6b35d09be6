"""WHAT: projects, issues and everything that hangs on an issue."""

from __future__ import annotations

from django.apps import AppConfig


class IssuesConfig(AppConfig):
    """Announces changes of issues; imports `agents` only."""

    name = "issues"

    def ready(self) -> None:
        """Link approvals to the issues they are about, and say how those are listed and issues are counted."""
        from agents.announcements import approval_requested
        from agents.approval_issues import register_approval_issues
        from agents.overview import register_issue_counts, register_section
        from issues import overview
        from issues.approval_links import issues_of, link_requested

        approval_requested.connect(link_requested)
        register_approval_issues(issues_of)
        register_issue_counts(overview.issue_counts)
        register_section("tasks", overview.tasks)
