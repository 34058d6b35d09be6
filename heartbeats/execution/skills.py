"""The skills of a run: those that its agent always has, and those that its issue or its comments mention (spec/2 D)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q

from agents.models import Skill
from heartbeats.execution.adapters.base import Skilled
from heartbeats.models import HeartbeatRun
from heartbeats.wakeups.mentions import mentioned_skills
from issues.models import IssueComment

SKILLS_VARIABLE = "EVERBEAT_SKILLS_DIR"
# Under a folder that it is given, the first tool that knew skills looks for them here; the others are told the path.
_WITHIN = Path("skills", ".claude", "skills")


@dataclass(frozen=True, slots=True)
class RunSkills:
    """The enabled skills in the order of their keys, and lines for the run's log."""

    skills: tuple[Skill, ...] = ()
    notes: tuple[str, ...] = ()


def mentioning_comments() -> ArraySubquery:
    """The bodies of the run's issue's comments that may mention a skill, for a query of runs."""
    rows = IssueComment.objects.filter(
        issue_id=OuterRef("issue_id"), company_id=OuterRef("company_id"), body__contains="skill://"
    )
    return ArraySubquery(rows.order_by("created_at", "id").values("body"))


def enabled_skills(run: HeartbeatRun, desired: Sequence[str], comments: Sequence[str]) -> RunSkills:
    """What the run has, of its own company: `desired` by key, others by mention. One statement, or none
    without a wish or a mention.

    A mention enables a skill for this run only: the agent's configuration stays as it is.
    """
    issue = run.issue
    texts = [issue.title, issue.description or "", *comments] if issue is not None else []
    mentioned = [found for found in map(_uuid, mentioned_skills(texts)) if found]
    if not mentioned and not desired:
        return RunSkills()
    wanted = Skill.objects.filter(Q(pk__in=mentioned) | Q(key__in=desired), company_id=run.company_id)
    skills = tuple(wanted.order_by("key"))
    ids, keys = {skill.pk for skill in skills}, {skill.key for skill in skills}
    missing = [str(pk) for pk in mentioned if pk not in ids] + [key for key in desired if key not in keys]
    named = [skill.key for skill in skills if skill.pk in mentioned]
    return RunSkills(skills, (*_enabled(named), *_missing(missing)))


def skills_folder(run_dir: Path) -> Path:
    """The folder in which each of the run's skills has its own."""
    return run_dir.absolute() / _WITHIN


def write_skills(skills: tuple[Skill, ...], run_dir: Path) -> tuple[Skilled, ...]:
    """Leave each skill as a file in the run directory, for the run alone. Raises OSError."""
    return tuple(_write(skill, run_dir) for skill in skills)


def _write(skill: Skill, run_dir: Path) -> Skilled:
    folder = skills_folder(run_dir) / skill.key
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "SKILL.md"
    path.write_text(_document(skill), encoding="utf-8")
    return Skilled(key=skill.key, description=skill.description or skill.name, path=str(path))


def _document(skill: Skill) -> str:
    """The text with the head that tools read; a text that has one keeps it."""
    if skill.body.startswith("---\n"):
        return skill.body
    told = json.dumps(skill.description or skill.name, ensure_ascii=False)
    return f"---\nname: {skill.key}\ndescription: {told}\n---\n\n{skill.body}"


def _enabled(keys: list[str]) -> tuple[str, ...]:
    return (f"Skills: enabled for this run, because the issue mentions them: {', '.join(keys)}.",) if keys else ()


def _missing(names: list[str]) -> tuple[str, ...]:
    return tuple(f"Skills: {name} is not a skill of this company; the run goes on without it." for name in names)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
