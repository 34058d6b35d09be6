"""The routes of the WHAT, below `/api/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from issues.api import (
    approvals,
    comments,
    documents,
    holds,
    interactions,
    issues,
    marks,
    projects,
    reading,
    work_products,
)

urlpatterns: list[URLPattern] = [
    path("companies/<str:company_id>/issues", issues.CompanyIssues.as_view()),
    path("issues/<str:ref>", issues.IssueDetail.as_view()),
    path("issues/<str:ref>/children", issues.IssueChildren.as_view()),
    path("issues/<str:ref>/checkout", issues.IssueCheckout.as_view()),
    path("issues/<str:ref>/release", issues.IssueRelease.as_view()),
    path("issues/<str:ref>/admin/force-release", issues.IssueForceRelease.as_view()),
    path("issues/<str:ref>/comments", comments.IssueComments.as_view()),
    path("issues/<str:ref>/comments/<str:comment_id>", comments.IssueCommentDetail.as_view()),
    path("issues/<str:ref>/documents", documents.IssueDocuments.as_view()),
    path("issues/<str:ref>/documents/<str:key>", documents.IssueDocumentDetail.as_view()),
    path("issues/<str:ref>/documents/<str:key>/revisions", documents.DocumentRevisions.as_view()),
    path(
        "issues/<str:ref>/documents/<str:key>/revisions/<str:revision_id>/restore", documents.RestoreRevision.as_view()
    ),
    path("issues/<str:ref>/work-products", work_products.IssueWorkProducts.as_view()),
    path("work-products/<str:product_id>", work_products.WorkProductDetail.as_view()),
    path("issues/<str:ref>/interactions", interactions.IssueInteractions.as_view()),
    path("issues/<str:ref>/interactions/<str:interaction_id>/accept", interactions.AcceptInteraction.as_view()),
    path("issues/<str:ref>/interactions/<str:interaction_id>/reject", interactions.RejectInteraction.as_view()),
    path("issues/<str:ref>/interactions/<str:interaction_id>/respond", interactions.RespondToInteraction.as_view()),
    path("issues/<str:ref>/approvals", approvals.IssueApprovals.as_view()),
    path("issues/<str:ref>/approvals/<str:approval_id>", approvals.IssueApprovalDetail.as_view()),
    path("issues/<str:ref>/tree-control/preview", holds.TreePreview.as_view()),
    path("issues/<str:ref>/tree-control/state", holds.TreeState.as_view()),
    path("issues/<str:ref>/tree-holds", holds.TreeHolds.as_view()),
    path("issues/<str:ref>/tree-holds/<str:hold_id>", holds.TreeHoldDetail.as_view()),
    path("issues/<str:ref>/tree-holds/<str:hold_id>/release", holds.ReleaseTreeHold.as_view()),
    path("issues/<str:ref>/read", marks.IssueRead.as_view()),
    path("issues/<str:ref>/inbox-archive", marks.IssueInboxArchive.as_view()),
    path("issues/<str:ref>/heartbeat-context", reading.HeartbeatContext.as_view()),
    path("issues/<str:ref>/activity", reading.IssueActivity.as_view()),
    path("agents/me/inbox-lite", reading.InboxLite.as_view()),
    path("agents/me/inbox/mine", reading.InboxMine.as_view()),
    path("companies/<str:company_id>/projects", projects.CompanyProjects.as_view()),
    path("projects/<str:ref>", projects.ProjectDetail.as_view()),
    path("projects/<str:ref>/workspaces", projects.ProjectWorkspaces.as_view()),
    path("projects/<str:ref>/workspaces/<str:workspace_id>", projects.ProjectWorkspaceDetail.as_view()),
]
