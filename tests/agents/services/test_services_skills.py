"""Skills are written by people, one text per key and company."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agents.models import Skill
from agents.skills import desired_skills, store_skill
from config.common.wire.errors import Unprocessable
from tests.config.admin.admin_site import add_to, list_of, page_of
from tests.factories.agents import CompanyFactory, UserFactory


@pytest.mark.django_db
def test_storing_again_changes_the_text_of_that_company_alone() -> None:
    mine, theirs = CompanyFactory(), CompanyFactory()
    told: dict[str, Any] = {"name": "", "description": " why ", "now": timezone.now()}
    first = store_skill(mine.pk, "release", body="one", **told)
    other = store_skill(theirs.pk, "release", body="theirs", **told)
    again = store_skill(mine.pk, "release", body="two", **told)
    other.refresh_from_db()
    assert (again.pk, again.body, again.name, again.description) == (first.pk, "two", "release", "why")
    assert other.body == "theirs"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "body"), [("Up", "x"), ("../up", "x"), ("-a", "x"), ("", "x"), ("a" * 65, "x"), ("a", "  ")]
)
def test_a_key_that_is_no_folder_and_a_text_that_says_nothing_are_refused(key: str, body: str) -> None:
    with pytest.raises(Unprocessable):
        store_skill(CompanyFactory().pk, key, name="n", description="", body=body, now=timezone.now())
    assert not Skill.objects.exists()


@given(st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["paperclipSkillSync", "desiredSkills"]), inner), max_leaves=8))  # fmt: skip
def test_no_configuration_breaks_the_reading_of_desired_skills(value: Any) -> None:
    config = value if isinstance(value, dict) else {"paperclipSkillSync": value}
    assert all(key.strip() == key != "" for key in desired_skills(config))


@pytest.mark.django_db
def test_people_write_skills_in_the_admin(client: Client) -> None:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    company = CompanyFactory()
    client.post(add_to(Skill), {"company": company.pk, "key": "release", "body": "# How\n"})
    skill = Skill.objects.get(company=company)
    assert skill.body == "# How\n"
    assert client.get(page_of(skill)).status_code == client.get(list_of(Skill)).status_code == 200
