"""The answers of the issue routes for the OpenAPI document: the columns that are written, with their models' types."""

from __future__ import annotations

from agents.api.describing import ANYTHING, OBJECT, OBJECTS, list_of, object_of, or_null, row_of
from issues.api import shapes
from issues.models import (
    DocumentRevision,
    Interaction,
    Issue,
    IssueComment,
    IssueDocument,
    Project,
    ProjectWorkspace,
    TreeHold,
    TreeHoldMember,
    WorkProduct,
)
from issues.related import SUMMARY

HOLD_COLUMNS = (
    *("id", "company_id", "root_issue_id", "mode", "status", "reason", "created_by_actor_type", "created_by_agent_id"),
    *("created_by_user_id", "created_by_run_id", "released_at", "released_by_actor_type", "released_by_user_id"),
    *("release_reason", "created_at", "updated_at"),
)
MEMBER_COLUMNS = (
    *("id", "company_id", "hold_id", "issue_id", "parent_issue_id", "depth", "issue_identifier", "issue_title"),
    *("issue_status", "assignee_agent_id", "assignee_user_id", "active_run_id", "active_run_status", "skipped"),
    *("skip_reason", "created_at"),
)
PROJECT_COLUMNS = (
    *("id", "company_id", "url_key", "name", "description", "status", "lead_agent_id", "color", "target_date"),
    *("isolated_workspaces", "pause_reason", "paused_at", "archived_at", "created_at", "updated_at"),
)
WORKSPACE_COLUMNS = (
    *("id", "company_id", "project_id", "name", "cwd", "repo_url", "repo_ref", "is_primary"),
    *("created_at", "updated_at"),
)
WORK_PRODUCT_COLUMNS = (
    *("id", "company_id", "project_id", "issue_id", "type", "provider", "external_id", "title", "url", "status"),
    *("review_state", "is_primary", "health_status", "summary", "created_by_run_id", "created_at", "updated_at"),
)
INTERACTION_COLUMNS = (
    *("id", "company_id", "issue_id", "kind", "title", "summary", "status", "continuation_policy", "idempotency_key"),
    *("source_comment_id", "resolved_by_agent_id", "resolved_by_user_id", "resolved_at", "created_at", "updated_at"),
)

TEXT = {"type": "string"}
TEXT_OR_NULL = {"type": "string", "nullable": True}
ID = {"type": "string", "format": "uuid"}
ID_OR_NULL = {"type": "string", "format": "uuid", "nullable": True}
NUMBER = {"type": "integer"}
MOMENT = {"type": "string", "format": "date-time"}
FLAG = {"type": "boolean"}
MAYBE_OBJECT = or_null(OBJECT)

ISSUE = row_of(
    "Issue",
    Issue,
    (*shapes.COLUMNS, *shapes.JSON_COLUMNS),
    issueNumber=NUMBER,
    executionAgentNameKey=TEXT_OR_NULL,
    lastActivityAt=MOMENT,
    labelIds=list_of(ID),
    labels=OBJECTS,
)
ISSUE_SUMMARY = row_of("IssueSummary", Issue, SUMMARY)
COMMENT = row_of("IssueComment", IssueComment, shapes.COMMENT_COLUMNS)
DOCUMENT_SUMMARY = row_of(
    "DocumentSummary",
    IssueDocument,
    (
        *("id", "company_id", "issue_id", "key", "title", "format", "latest_revision_id", "latest_revision_number"),
        *("created_at", "updated_at"),
    ),
    updatedByAgentId=ID_OR_NULL,
    updatedByUserId=ID_OR_NULL,
    updatedByRunId=ID_OR_NULL,
)
DOCUMENT = {
    **DOCUMENT_SUMMARY,
    "title": "Document",
    "properties": {**DOCUMENT_SUMMARY["properties"], "body": TEXT},
}
REVISION = row_of(
    "DocumentRevision",
    DocumentRevision,
    ("id", "company_id", "document_id", "revision_number", "title", "format", "body", "change_summary", "created_at"),
    issueId=ID,
    key=TEXT,
    createdByAgentId=ID_OR_NULL,
    createdByUserId=ID_OR_NULL,
    createdByRunId=ID_OR_NULL,
)
WORK_PRODUCT = row_of(
    "WorkProduct",
    WorkProduct,
    WORK_PRODUCT_COLUMNS,
    metadata=MAYBE_OBJECT,
    createdByAgentId=ID_OR_NULL,
    createdByUserId=ID_OR_NULL,
)
INTERACTION = row_of(
    "Interaction",
    Interaction,
    INTERACTION_COLUMNS,
    sourceRunId=ID_OR_NULL,
    createdByAgentId=ID_OR_NULL,
    createdByUserId=ID_OR_NULL,
    payload=OBJECT,
    result=MAYBE_OBJECT,
)
WORKSPACE = row_of(
    "ProjectWorkspace",
    ProjectWorkspace,
    WORKSPACE_COLUMNS,
)
PROJECT = row_of(
    "Project",
    Project,
    PROJECT_COLUMNS,
    workspaces=list_of(WORKSPACE),
    primaryWorkspace=or_null(WORKSPACE),
    goalIds=list_of(ID),
    goals=OBJECTS,
)
HOLD = row_of(
    "TreeHold",
    TreeHold,
    HOLD_COLUMNS,
    releasePolicy=MAYBE_OBJECT,
    metadata=MAYBE_OBJECT,
    releaseMetadata=MAYBE_OBJECT,
    members=list_of(
        row_of(
            "TreeHoldMember",
            TreeHoldMember,
            MEMBER_COLUMNS,
        )
    ),
)
PREVIEW = object_of(
    "TreePreview",
    companyId=ID,
    rootIssueId=ID,
    mode=TEXT,
    generatedAt=MOMENT,
    releasePolicy=MAYBE_OBJECT,
    totals=OBJECT,
    countsByStatus=OBJECT,
    issues=OBJECTS,
    skippedIssues=OBJECTS,
    activeRuns=OBJECTS,
    affectedAgents=OBJECTS,
    warnings=OBJECTS,
)
HELD = object_of("TreeHeld", hold=HOLD, preview=PREVIEW, resumedPauseHoldIds=list_of(ID))
HOLD_STATE = object_of("TreeState", activePauseHold=MAYBE_OBJECT)
_RELATED = {
    "ancestors": OBJECTS,
    "blockedBy": list_of(ISSUE_SUMMARY),
    "blocks": list_of(ISSUE_SUMMARY),
    "project": MAYBE_OBJECT,
    "goal": MAYBE_OBJECT,
    "currentExecutionWorkspace": MAYBE_OBJECT,
    "productivityReview": MAYBE_OBJECT,
    "blockerAttention": OBJECT,
}
ISSUE_ROW = {
    **ISSUE,
    "title": "IssueRow",
    "properties": {
        **ISSUE["properties"],
        "activeRun": MAYBE_OBJECT,
        "blockerAttention": OBJECT,
        "blockedBy": list_of(ISSUE_SUMMARY),
        "myLastTouchAt": {**MOMENT, "nullable": True},
        "lastExternalCommentAt": {**MOMENT, "nullable": True},
        "isUnreadForMe": FLAG,
    },
}
ISSUE_DETAIL = {
    **ISSUE,
    "title": "IssueDetail",
    "properties": {
        **ISSUE["properties"],
        **_RELATED,
        "relatedWork": OBJECT,
        "referencedIssueIdentifiers": list_of(TEXT),
        "mentionedProjects": OBJECTS,
        "planDocument": or_null(DOCUMENT),
        "documentSummaries": list_of(DOCUMENT_SUMMARY),
        "legacyPlanDocument": MAYBE_OBJECT,
        "workProducts": list_of(WORK_PRODUCT),
    },
}
ISSUE_CREATED = {
    **ISSUE,
    "title": "IssueCreated",
    "properties": {**ISSUE["properties"], "relatedWork": OBJECT, "referencedIssueIdentifiers": list_of(TEXT)},
}
ISSUE_UPDATED = {
    **ISSUE,
    "title": "IssueUpdated",
    "properties": {
        **ISSUE["properties"],
        "comment": or_null(COMMENT),
        "blockedBy": list_of(ISSUE_SUMMARY),
        "blocks": list_of(ISSUE_SUMMARY),
    },
}
FORCE_RELEASED = object_of(
    "ForceReleased",
    issue=ISSUE,
    previous=object_of("PreviousLocks", checkoutRunId=ID_OR_NULL, executionRunId=ID_OR_NULL),
)
INBOX_ROW = row_of(
    "InboxRow",
    Issue,
    ("id", "identifier", "title", "status", "priority", "project_id", "goal_id", "parent_id", "updated_at"),
    activeRun=MAYBE_OBJECT,
    dependencyReady=FLAG,
    unresolvedBlockerCount=NUMBER,
    unresolvedBlockerIssueIds=list_of(ID),
)
CONTEXT = object_of(
    "HeartbeatContext",
    issue=OBJECT,
    ancestors=OBJECTS,
    project=MAYBE_OBJECT,
    goal=MAYBE_OBJECT,
    commentCursor=object_of(
        "CommentCursor", totalComments=NUMBER, latestCommentId=ID_OR_NULL, latestCommentAt={**MOMENT, "nullable": True}
    ),
    wakeComment=or_null(COMMENT),
    attachments=list_of(ANYTHING),
    continuationSummary=MAYBE_OBJECT,
    currentExecutionWorkspace=MAYBE_OBJECT,
)
