"""Companies and people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from agents import companies, members
from agents.admin.base import CompanyAdmin, actor_of
from agents.models import Company, Member, User
from agents.vocabulary import CompanyStatus, MemberRole
from config.common.admin import cells, words
from config.common.admin.base import SystemAdmin
from config.common.admin.deeds import Deed
from config.common.admin.filters import choice, scoped
from config.common.admin.making import AddedByVerb, Made
from config.common.clock import utc_now

if TYPE_CHECKING:
    _UserAdmin = UserAdmin[User]
else:
    _UserAdmin = UserAdmin

# Rights come from memberships: groups would be a second, silent source.
admin.site.unregister(Group)


class CompanyForm(forms.Form):
    """What founding a company needs."""

    name = forms.CharField(max_length=200)
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))


def _becomes(status: CompanyStatus) -> Any:  # noqa: ANN401 - a Deed's `do`
    def do(request: HttpRequest, company: Company, _given: Mapping[str, Any]) -> bool:
        companies.update_company(actor_of(request), company.pk, {"status": status}, now=utc_now())
        return True

    return do


def _refuses(status: CompanyStatus) -> Any:  # noqa: ANN401 - a Deed's `refuse`
    return lambda company: f"already {status}" if company.status == status else None


_STATUS_DEEDS = (
    ("pause", "Pause", "paused", CompanyStatus.PAUSED, "Stops all work of the company and cancels its live runs."),
    ("activate", "Activate", "activated", CompanyStatus.ACTIVE, "Lets the company's work run again. It wakes nobody."),
    ("archive", "Archive", "archived", CompanyStatus.ARCHIVED, "Ends the company's work for good. Its rows stay."),
)


@admin.register(Company)
class CompanyPage(AddedByVerb, CompanyAdmin):
    """Companies: found, rename, limit, stop."""

    company_path = "id"
    make_form = CompanyForm
    make_says = "The founder becomes the owner. The issue prefix is made from the name."
    list_display = (
        "name",
        cells.status("status", order="status"),
        "issue_prefix",
        cells.number("issue_counter", str, title="issues"),
        cells.number("spent_monthly_cents", words.money, title="spent this month"),
        cells.number("budget_monthly_cents", words.money, title="monthly budget"),
        cells.when("created_at", title="founded", order="created_at"),
    )
    list_filter = (choice("status"),)
    search_fields = ("name", "issue_prefix")
    editable = ("name", "description", "brand_color", "budget_monthly_cents", "require_board_approval_for_new_agents")
    sections = (
        (None, ("name", "description", "status", "issue_prefix", "brand_color")),
        ("Money", ("budget_monthly_cents", "spent_monthly_cents")),
        ("Rules", ("require_board_approval_for_new_agents",)),
    )
    deeds = tuple(
        Deed(
            name=name,
            title=title,
            done=done,
            says=says,
            do=_becomes(status),
            refuse=_refuses(status),
            danger=status != CompanyStatus.ACTIVE,
        )
        for name, title, done, status, says in _STATUS_DEEDS
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers found companies."""
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401
        """Whoever may write in it."""
        actor = actor_of(request)
        return actor.changes(obj.pk) if obj is not None else self.has_view_permission(request)

    def make(self, request: HttpRequest, given: Mapping[str, Any]) -> Made:
        """Found it."""
        return Made(companies.create_company(actor_of(request), dict(given), now=utc_now()))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ANN401, ARG002
        """Through the verb, with the changed columns only."""
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        if changes:
            companies.update_company(actor_of(request), obj.pk, changes, now=utc_now())


@admin.register(User)
class UserPage(_UserAdmin, SystemAdmin):
    """People. Superusers only; what a person may see comes from memberships."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = (
        "username",
        "email",
        cells.flag("is_active", title="active", on="active", off="off"),
        cells.flag("is_staff", title="admin", on="yes", off="no"),
        cells.flag("is_superuser", title="superuser", on="yes", off="no"),
        cells.when("last_login", title="last login", order="last_login"),
    )
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("username", "email", "first_name", "last_name")
    filter_horizontal = ()
    questions = (("Administrators", "is_staff__exact=1"), ("Disabled", "is_active__exact=0"))
    editable = ("username", "password", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser")
    add_fieldsets = ((None, {"fields": ("username", "usable_password", "password1", "password2")}),)
    _sections = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ANN401, ARG002
        """All editable: a person is nobody's state machine."""
        return self._sections if obj else self.add_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ANN401, ARG002
        """None."""
        return ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers."""
        return bool(request.user.is_superuser)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ANN401
        """A changed person keeps what somebody else changed meanwhile."""
        if not change:
            super().save_model(request, obj, form, change)
        elif form.changed_data:
            obj.save(update_fields=form.changed_data)


class MemberForm(forms.Form):
    """Who joins what."""

    company = forms.ModelChoiceField(Company.objects.none())
    username = forms.CharField(max_length=150, help_text="The person's login name.")
    role = forms.ChoiceField(choices=[(role.value, role.value) for role in MemberRole], initial=MemberRole.MEMBER.value)


class RoleForm(forms.Form):
    """The new role."""

    role = forms.ChoiceField(choices=[(role.value, role.value) for role in MemberRole])


def _change_role(request: HttpRequest, member: Member, given: Mapping[str, Any]) -> bool:
    return members.change_role(actor_of(request), member.pk, MemberRole(given["role"]), now=utc_now())


def _set_active(active: bool) -> Any:  # noqa: ANN401 - a Deed's `do`
    verb = members.readmit_member if active else members.remove_member
    return lambda request, member, _given: verb(actor_of(request), member.pk, now=utc_now())


@admin.register(Member)
class MemberPage(AddedByVerb, CompanyAdmin):
    """People's places in companies."""

    make_form = MemberForm
    related = ("user", "company")
    list_display = (
        cells.cell("person", lambda member: member.user.get_username(), title="person", order="user__username"),
        cells.related("company"),
        "role",
        cells.flag("is_active", title="place", on="active", off="off"),
        cells.when("created_at", title="since", order="created_at"),
    )
    list_filter = (scoped("company"), choice("role"), "is_active")
    search_fields = ("user__username", "user__email")
    deeds = (
        Deed(
            name="change_role",
            title="Change role",
            done="changed",
            says="A viewer only reads; members, admins and owners change things. A company keeps at least one owner.",
            do=_change_role,
            refuse=lambda _member: None,
            form=RoleForm,
        ),
        Deed(
            name="remove",
            title="Remove",
            done="removed",
            says="The person loses access to the company at once. The row stays for the record.",
            do=_set_active(False),
            refuse=lambda member: None if member.is_active else "already removed",
            danger=True,
        ),
        Deed(
            name="readmit",
            title="Readmit",
            done="readmitted",
            says="The person gets the place back with the role it had.",
            do=_set_active(True),
            refuse=lambda member: "already active" if member.is_active else None,
        ),
    )

    def make(self, request: HttpRequest, given: Mapping[str, Any]) -> Made:
        """Join."""
        member = members.add_member(
            actor_of(request), given["company"].pk, given["username"], MemberRole(given["role"])
        )
        return Made(member)
