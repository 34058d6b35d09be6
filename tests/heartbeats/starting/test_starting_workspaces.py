"""Which folder a run works in, and what people are told when it is not the wanted one (spec/2 D)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.execution.session_place import settle_session
from heartbeats.execution.workspaces import (
    HOME,
    PROJECT,
    SESSION,
    Folder,
    Look,
    OwnTree,
    Place,
    branch_name,
    choose_place,
    in_checkout,
    in_own_tree,
    look_at,
    make_home,
    repository_name,
)
from heartbeats.runs.sessions import ResumeChoice, SessionState

MAIN = Folder(PROJECT, "/project", "The workspace 'main'")
CODE = Folder(PROJECT, "/code", "The workspace 'code'", repo_url="https://example.org/code.git", clone=True)
EMPTY = Folder(PROJECT, None, "The workspace 'empty'")
SAVED = Folder(SESSION, "/session", "The folder of the saved session")
CONFIGURED = Folder("adapter_config", "/configured", "The configured folder", required=True)


def seen(**paths: Look) -> Callable[[str], Look]:
    return lambda path: paths.get(path.strip("/"), Look.MISSING)


def test_the_first_folder_that_exists_is_taken_without_a_word() -> None:
    place = choose_place([MAIN, SAVED], "/home", look=seen(project=Look.EMPTY, session=Look.FOLDER))
    assert (place.cwd, place.folder.source, place.warnings, place.options) == ("/project", PROJECT, (), ())


def test_every_fallback_names_what_was_missing_and_what_is_used() -> None:
    place = choose_place([MAIN, EMPTY, SAVED], "/home", look=seen(session=Look.FOLDER))
    assert place.cwd == "/session"
    assert place.warnings == (
        "Workspace: The workspace 'main' /project does not exist on this host; using /session instead.",
        "Workspace: The workspace 'empty' names no folder and no repository; using /session instead.",
    )


def test_without_any_folder_the_agent_works_at_home() -> None:
    place = choose_place([SAVED], "/home", look=seen())
    assert (place.cwd, place.folder.source) == ("/home", HOME)


def test_a_required_folder_is_taken_even_if_it_is_missing_so_that_the_start_fails_with_its_name() -> None:
    assert choose_place([CONFIGURED, MAIN], "/home", look=seen()).cwd == "/configured"


def test_a_clone_that_is_there_needs_no_git() -> None:
    place = choose_place([CODE], "/home", look=seen(code=Look.CHECKOUT))
    assert (place.cwd, place.warnings, place.options) == ("/code", (), ())


@pytest.mark.parametrize("look", [Look.MISSING, Look.EMPTY])
def test_a_clone_that_is_not_there_is_left_to_git_with_all_that_could_replace_it(look: Look) -> None:
    place = choose_place([EMPTY, CODE, MAIN, EMPTY], "/home", look=seen(code=look))
    assert (place.cwd, [folder.path for folder in place.options]) == ("/code", ["/code", "/project", "/home"])
    assert len(place.warnings) == 1


def test_a_folder_in_the_place_of_a_clone_is_used_as_it_is_with_a_warning() -> None:
    place = choose_place([CODE], "/home", look=seen(code=Look.FOLDER))
    assert (place.cwd, place.options) == ("/code", ())
    assert place.warnings == (
        "Workspace: The workspace 'code' /code exists and is no git checkout; using it as it is.",
    )


def test_an_own_tree_that_is_there_is_entered_where_it_was_left() -> None:
    tree = OwnTree("/tree", "main", None, "row", "/tree/inside")
    at_project = Place(MAIN, "/project")
    again = in_own_tree(at_project, tree, look=lambda _path: Look.CHECKOUT)
    assert (again.cwd, again.options) == ("/tree/inside", ())
    gone = in_own_tree(at_project, tree, look=seen())
    assert (gone.cwd, gone.options) == ("/tree", (MAIN,))


def test_what_is_at_a_path_is_seen(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    (tmp_path / "repository" / "inside").mkdir()
    looks = [look_at(str(tmp_path / name)) for name in ("gone", "empty", "full", "full/file", "repository")]
    assert looks == [Look.MISSING, Look.EMPTY, Look.FOLDER, Look.MISSING, Look.CHECKOUT]
    assert in_checkout(str(tmp_path / "repository" / "inside"))


def test_a_home_is_its_owners_alone(tmp_path: Path) -> None:
    home = Path(make_home(tmp_path / "agents", "a-1"))
    assert home.stat().st_mode & 0o777 == 0o700
    assert make_home(tmp_path / "agents", "a-1") == str(home)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/team/App.git", "app"),
        ("git@example.org:team/app.git", "app"),
        ("git@example.org:app", "app"),
        ("/srv/git/app/", "app"),
        ("https://example.org/..", "repository"),
    ],
)
def test_a_clone_is_named_after_its_repository(url: str, name: str) -> None:
    assert repository_name(url) == name


def test_a_branch_is_named_after_its_issue() -> None:
    assert branch_name("{{issue.identifier}}-{{slug}}", "EVB-7", "Fix the Parser, now!") == "EVB-7-fix-the-parser-now"
    assert branch_name("agents/{{issue.identifier}}", "EVB-7", "x") == "agents/EVB-7"


@given(st.text(max_size=60), st.text(max_size=300))
def test_no_title_makes_a_branch_that_git_refuses(template: str, title: str) -> None:
    branch = branch_name(template + "{{slug}}", "EVB-7", title)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._/-]*", branch)
    assert not re.search(r"\.\.|//|/\.|\.lock(/|$)|[/.]$", branch)


AT_HOME = SessionState({"sessionId": "s-1", "cwd": "/home"}, "s-1", "s-1")


def settled(session: SessionState, place: Place, *, bound: bool = True) -> tuple[SessionState, str]:
    found = settle_session(ResumeChoice(session), place, "/home", bound_to_folder=bound)
    return found.resume.session, found.note or ""


def test_a_session_saved_at_home_moves_to_the_projects_folder_when_that_appears() -> None:
    place = Place(Folder(PROJECT, "/project", "main", workspace_id="w-1", repo_url="u"), "/project")
    session, note = settled(AT_HOME, place)
    assert session.params == {"sessionId": "s-1", "cwd": "/project", "workspaceId": "w-1", "repoUrl": "u"}
    assert all(word in note for word in ("/project", "s-1", "/home"))


def test_a_session_of_another_workspace_does_not_move() -> None:
    other = SessionState({"sessionId": "s-1", "cwd": "/home", "workspaceId": "w-2"}, "s-1", "s-1")
    place = Place(Folder(PROJECT, "/project", "main", workspace_id="w-1"), "/project")
    session, note = settled(other, place)
    assert not session.exists
    assert "belongs to /home" in note
    assert settled(other, place, bound=False) == (other, "")


def test_a_session_in_its_own_folder_is_resumed_without_a_word() -> None:
    assert settled(AT_HOME, Place(Folder(HOME, "/home", "home"), "/home/.")) == (AT_HOME, "")


def test_a_session_without_a_folder_is_resumed_anywhere() -> None:
    bare = SessionState(None, "s-1", "s-1")
    assert settled(bare, Place(MAIN, "/project")) == (bare, "")
