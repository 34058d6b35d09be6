"""The tables of the WHAT."""

from __future__ import annotations

from issues.models.attention import InboxMark
from issues.models.hold import TreeHold, TreeHoldMember
from issues.models.issue import Issue, IssueRelation, Label
from issues.models.project import Project, ProjectWorkspace
from issues.models.thread import (
    DocumentRevision,
    Interaction,
    IssueApproval,
    IssueComment,
    IssueDocument,
    WorkProduct,
)

__all__ = [
    "DocumentRevision",
    "InboxMark",
    "Interaction",
    "Issue",
    "IssueApproval",
    "IssueComment",
    "IssueDocument",
    "IssueRelation",
    "Label",
    "Project",
    "ProjectWorkspace",
    "TreeHold",
    "TreeHoldMember",
    "WorkProduct",
]
