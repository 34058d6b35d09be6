"""Issues and what blocks what."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Index, Q, UniqueConstraint

from config.common.models import CompanyModel, choices_of, one_of
from issues.vocabulary import ISSUE_ACTIVE, ISSUE_TERMINAL, IssueStatus, OriginKind, Priority, WorkMode


class IssueQuerySet(models.QuerySet["Issue"]):
    """Sets of issues that have a name."""

    def open(self) -> IssueQuerySet:
        """Neither done nor cancelled."""
        return self.exclude(status__in=ISSUE_TERMINAL)

    def visible(self) -> IssueQuerySet:
        """Not hidden by an operator."""
        return self.filter(hidden_at__isnull=True)

    def agent_owned_active(self) -> IssueQuerySet:
        """What the promise of DESIGN speaks of: `todo` and `in_progress`, owned by an agent, not hidden."""
        return self.visible().filter(status__in=ISSUE_ACTIVE, assignee_agent__isnull=False, assignee_user__isnull=True)


class Issue(CompanyModel):
    """A unit of work; at most one assignee, an agent or a user.

    `execution_run` is the live run on it (execution lock); `checkout_run` is the run that owns it (checkout).
    """

    project = models.ForeignKey(
        "issues.Project", on_delete=models.SET_NULL, null=True, blank=True, related_name="issues"
    )
    project_workspace = models.ForeignKey(
        "issues.ProjectWorkspace", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    goal_id = models.UUIDField(null=True, blank=True)
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children")
    number = models.PositiveIntegerField()
    identifier = models.CharField(max_length=32)
    title = models.CharField(max_length=1000)
    description = models.TextField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=choices_of(IssueStatus), default=IssueStatus.BACKLOG)
    priority = models.CharField(max_length=12, choices=choices_of(Priority), default=Priority.MEDIUM)
    work_mode = models.CharField(max_length=12, choices=choices_of(WorkMode), default=WorkMode.STANDARD)

    assignee_agent = models.ForeignKey(
        "agents.Agent", on_delete=models.SET_NULL, null=True, blank=True, related_name="assigned_issues"
    )
    assignee_user = models.ForeignKey("agents.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_by_agent = models.ForeignKey(
        "agents.Agent", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_by_user = models.ForeignKey(
        "agents.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    checkout_run = models.ForeignKey(
        "heartbeats.HeartbeatRun", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    execution_run = models.ForeignKey(
        "heartbeats.HeartbeatRun", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    execution_locked_at = models.DateTimeField(null=True, blank=True)

    origin_kind = models.CharField(max_length=64, default=OriginKind.MANUAL)
    origin_id = models.CharField(max_length=200, null=True, blank=True)
    origin_run = models.ForeignKey(
        "heartbeats.HeartbeatRun", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    origin_fingerprint = models.CharField(max_length=200, null=True, blank=True)
    request_depth = models.PositiveIntegerField(default=0)
    billing_code = models.CharField(max_length=200, null=True, blank=True)
    assignee_adapter_overrides = models.JSONField(null=True, blank=True)
    execution_policy = models.JSONField(null=True, blank=True)
    execution_state = models.JSONField(null=True, blank=True)
    review_participant_agent = models.ForeignKey(
        "agents.Agent", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    review_participant_user = models.ForeignKey(
        "agents.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    execution_workspace = models.ForeignKey(
        "heartbeats.ExecutionWorkspace", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    execution_workspace_settings = models.JSONField(null=True, blank=True)

    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    hidden_at = models.DateTimeField(null=True, blank=True)
    last_human_action_at = models.DateTimeField(null=True, blank=True)

    objects = IssueQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            one_of("status", IssueStatus, name="issue_status_known"),
            one_of("priority", Priority, name="issue_priority_known"),
            UniqueConstraint(fields=["company", "number"], name="issue_number_once"),
            UniqueConstraint(fields=["identifier"], name="issue_identifier_once"),
            models.CheckConstraint(
                condition=Q(assignee_agent__isnull=True) | Q(assignee_user__isnull=True),
                name="issue_at_most_one_assignee",
            ),
            models.CheckConstraint(condition=~Q(parent=F("id")), name="issue_is_not_its_own_parent"),
            models.CheckConstraint(
                condition=~Q(status=IssueStatus.DONE) | Q(completed_at__isnull=False), name="issue_done_has_time"
            ),
            models.CheckConstraint(
                condition=~Q(status=IssueStatus.CANCELLED) | Q(cancelled_at__isnull=False),
                name="issue_cancelled_has_time",
            ),
            UniqueConstraint(
                fields=["company", "origin_kind", "origin_id"],
                condition=Q(
                    origin_kind__in=[
                        "stranded_issue_recovery",
                        "stale_active_run_evaluation",
                        "harness_liveness_escalation",
                    ]
                )
                & ~Q(status__in=["done", "cancelled"])
                & Q(origin_id__isnull=False),
                name="issue_one_open_recovery",
            ),
            UniqueConstraint(
                fields=["company", "origin_fingerprint"],
                condition=Q(origin_kind="harness_liveness_escalation")
                & ~Q(status__in=["done", "cancelled"])
                & Q(origin_fingerprint__isnull=False),
                name="issue_one_open_escalation_per_leaf",
            ),
        ]
        indexes = [
            Index(fields=["company", "-created_at"], name="issue_newest"),
            Index(fields=["company", "status"], name="issue_by_status"),
            Index(fields=["parent"], name="issue_children"),
            Index(
                fields=["assignee_agent", "status"],
                name="issue_agent_owned",
                condition=Q(assignee_agent__isnull=False) & ~Q(status__in=["done", "cancelled"]),
            ),
            Index(
                fields=["id"],
                name="issue_agent_owned_active",
                condition=Q(
                    status__in=["todo", "in_progress"],
                    assignee_agent__isnull=False,
                    assignee_user__isnull=True,
                    hidden_at__isnull=True,
                ),
            ),
            Index(fields=["execution_run"], name="issue_locked", condition=Q(execution_run__isnull=False)),
            Index(fields=["checkout_run"], name="issue_checked_out", condition=Q(checkout_run__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.identifier} {self.title}"


class IssueRelation(CompanyModel):
    """`blocker` must be done before `blocked` may be worked on. Cycles are refused by `issues.relations` under lock."""

    blocker = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="blocks_edges")
    blocked = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="blocked_by_edges")
    created_by_agent = models.ForeignKey(
        "agents.Agent", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_by_user = models.ForeignKey(
        "agents.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            UniqueConstraint(fields=["blocker", "blocked"], name="relation_once"),
            models.CheckConstraint(condition=~Q(blocker=F("blocked")), name="relation_not_to_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.blocker_id} blocks {self.blocked_id}"


class Label(CompanyModel):
    """A word people sort issues by."""

    name = models.CharField(max_length=48)
    color = models.CharField(max_length=7, default="#6b7280")
    issues = models.ManyToManyField(Issue, related_name="labels", blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [UniqueConstraint(fields=["company", "name"], name="label_once_per_company")]

    def __str__(self) -> str:
        return self.name
