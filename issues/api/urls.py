"""The routes of the WHAT, below `/api/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from issues.api import comments, issues

urlpatterns: list[URLPattern] = [
    path("companies/<str:company_id>/issues", issues.CompanyIssues.as_view()),
    path("issues/<str:ref>", issues.IssueDetail.as_view()),
    path("issues/<str:ref>/children", issues.IssueChildren.as_view()),
    path("issues/<str:ref>/checkout", issues.IssueCheckout.as_view()),
    path("issues/<str:ref>/release", issues.IssueRelease.as_view()),
    path("issues/<str:ref>/admin/force-release", issues.IssueForceRelease.as_view()),
    path("issues/<str:ref>/comments", comments.IssueComments.as_view()),
    path("issues/<str:ref>/comments/<str:comment_id>", comments.IssueCommentDetail.as_view()),
]
