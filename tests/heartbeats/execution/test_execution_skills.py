"""Skills that are mentioned in an issue or its comments are enabled for its run, and for that run only (spec/2 D)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries

from agents.models import Agent, Skill
from heartbeats.execution.adapters.base import Invocation, Skilled
from heartbeats.execution.adapters.claude import CLAUDE
from heartbeats.execution.adapters.codex import CODEX
from heartbeats.execution.auto_checkout import HarnessCheckout
from heartbeats.execution.skills import skills_folder, write_skills
from heartbeats.execution.start_facts import StartFacts, load_facts, load_run
from heartbeats.runs.sessions import SessionState
from issues.models import Issue
from tests.factories.agents import AgentFactory, SkillFactory
from tests.factories.heartbeats import HeartbeatRunFactory, running_run
from tests.factories.issues import IssueCommentFactory, assigned_to


def link(skill: Skill) -> str:
    return f"[{skill.key}](skill://{skill.pk}?s={skill.key})"


def facts_of(agent: Agent, issue: Issue | None = None) -> StartFacts:
    run = running_run(agent=agent, issue=issue)
    loaded = load_run(run.pk, run.epoch)
    assert loaded is not None
    return load_facts(loaded, HarnessCheckout())


def keys(facts: StartFacts) -> list[str]:
    return [skill.key for skill in facts.skills]


@pytest.mark.django_db
def test_a_skill_is_enabled_from_title_description_and_comments() -> None:
    agent = AgentFactory()
    in_title, in_text, in_comment, unasked = (SkillFactory(company=agent.company, key=key) for key in "abcd")
    issue = assigned_to(agent, title=f"Use {link(in_title)}", description=f"and {link(in_text)}")
    IssueCommentFactory(issue=issue, company=agent.company, body=f"also {link(in_comment)}")
    facts = facts_of(agent, issue)
    assert keys(facts) == ["a", "b", "c"]
    assert unasked.key not in keys(facts)
    assert "Skills: enabled for this run, because the issue mentions them: a, b, c." in facts.notes


@pytest.mark.django_db
def test_a_skill_of_another_company_or_of_none_is_not_enabled_and_the_log_says_so() -> None:
    agent, foreign, unknown = AgentFactory(), SkillFactory(), uuid4()
    issue = assigned_to(agent, description=f"{link(foreign)} skill://{unknown}")
    facts = facts_of(agent, issue)
    assert keys(facts) == []
    assert [note for note in facts.notes if "not a skill of this company" in note] == [
        f"Skills: {name} is not a skill of this company; the run goes on without it." for name in (foreign.pk, unknown)
    ]


@pytest.mark.django_db
def test_a_comment_of_another_issue_enables_nothing() -> None:
    agent = AgentFactory()
    skill = SkillFactory(company=agent.company)
    other = assigned_to(agent)
    IssueCommentFactory(issue=other, company=agent.company, body=link(skill))
    assert keys(facts_of(agent, assigned_to(agent))) == []


@pytest.mark.django_db
def test_a_mention_is_for_its_run_only_and_what_the_agent_always_has_stays() -> None:
    agent = AgentFactory(adapter_config={"paperclipSkillSync": {"desiredSkills": ["always", "gone", 7]}})
    SkillFactory(company=agent.company, key="always")
    mentioned = SkillFactory(company=agent.company, key="once")
    assert keys(facts_of(agent, assigned_to(agent, description=link(mentioned)))) == ["always", "once"]
    agent.refresh_from_db()
    assert agent.adapter_config == {"paperclipSkillSync": {"desiredSkills": ["always", "gone", 7]}}
    later = facts_of(agent)
    assert keys(later) == ["always"]
    assert any("gone is not a skill" in note for note in later.notes)


@pytest.mark.django_db
def test_without_a_mention_a_start_costs_no_statement_more(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    from heartbeats.execution.skills import enabled_skills

    run = HeartbeatRunFactory(issue=assigned_to(AgentFactory(), description="nothing special"))
    with django_assert_num_queries(0):
        assert enabled_skills(run, (), ["nothing either"]).skills == ()


def invocation(tmp_path: Path, *skills: Skilled) -> Invocation:
    made = Invocation(
        run_id="r", agent_id="a", config={}, context={}, env={}, cwd="/", run_dir=tmp_path, session=SessionState()
    )
    return replace(made, skills=skills)


def test_each_skill_becomes_a_file_with_the_head_that_tools_read(tmp_path: Path) -> None:
    plain = Skill(key="plain", name="Plain", description='Say "yes": always', body="Do it.\n")
    headed = Skill(key="headed", name="Headed", body="---\nname: headed\n---\nDo that.\n")
    written = write_skills((plain, headed), tmp_path)
    assert [one.path for one in written] == [
        str(skills_folder(tmp_path) / key / "SKILL.md") for key in ("plain", "headed")
    ]
    assert Path(written[0].path).read_text() == (
        '---\nname: plain\ndescription: "Say \\"yes\\": always"\n---\n\nDo it.\n'
    )
    assert Path(written[1].path).read_text() == headed.body
    assert (written[0].description, written[1].description) == ('Say "yes": always', "Headed")


@pytest.mark.parametrize("adapter", [CLAUDE, CODEX])
def test_every_tool_is_told_where_its_skills_are(tmp_path: Path, adapter: Any) -> None:
    skill = Skilled(key="release", description="How we\nrelease", path="/run/skills/.claude/skills/release/SKILL.md")
    prompt = adapter.plan(invocation(tmp_path, skill)).stdin
    assert "- release: How we release (/run/skills/.claude/skills/release/SKILL.md)" in prompt
    assert "Skills for this run" not in adapter.plan(invocation(tmp_path)).stdin


def test_the_tool_that_finds_skills_by_itself_is_given_their_folder(tmp_path: Path) -> None:
    skill = Skilled(key="release", description="d", path="/run/skills/.claude/skills/release/SKILL.md")
    argv = list(CLAUDE.plan(invocation(tmp_path, skill)).argv)
    assert argv[argv.index("--add-dir") + 1] == "/run/skills"
    assert "--add-dir" not in CLAUDE.plan(invocation(tmp_path)).argv
