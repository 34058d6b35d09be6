"""Companies and the people in them."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q, UniqueConstraint

from agents.vocabulary import CompanyStatus, MemberRole, PauseReason
from config.common.models import CompanyModel, TimestampedModel, choices_of, one_of, uuid7


class Company(TimestampedModel):
    """The tenant. `issue_counter` numbers its issues."""

    name = models.CharField(max_length=200)
    description = models.TextField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=choices_of(CompanyStatus), default=CompanyStatus.ACTIVE)
    pause_reason = models.CharField(max_length=16, choices=choices_of(PauseReason), null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    issue_prefix = models.CharField(max_length=16, unique=True)
    issue_counter = models.PositiveIntegerField(default=0)
    budget_monthly_cents = models.BigIntegerField(default=0)
    spent_monthly_cents = models.BigIntegerField(default=0)
    attachment_max_bytes = models.BigIntegerField(default=25 * 2**20)
    require_board_approval_for_new_agents = models.BooleanField(default=False)
    brand_color = models.CharField(max_length=7, null=True, blank=True)

    class Meta:
        verbose_name_plural = "companies"
        ordering = ["name"]
        constraints = [
            one_of("status", CompanyStatus, name="company_status_known"),
            models.CheckConstraint(condition=Q(budget_monthly_cents__gte=0), name="company_budget_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A person. A superuser administers the whole instance; others see the companies they are members of."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta(AbstractUser.Meta):
        pass


class Member(CompanyModel):
    """A person's place in a company."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=choices_of(MemberRole), default=MemberRole.MEMBER)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["company", "user"], name="member_once_per_company"),
            one_of("role", MemberRole, name="member_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.company}"
