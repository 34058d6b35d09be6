"""The admin of the WHAT."""

from __future__ import annotations

from issues.admin import holds, issues, projects, thread

__all__ = ["holds", "issues", "projects", "thread"]
