"""Which folder a run works in, and what people are told when it is not the wanted one (spec/2 D)."""

from __future__ import annotations

from pathlib import Path

from heartbeats.execution.workspaces import Folder, choose_place, make_home

PROJECT = Folder("project", "/project", "The workspace 'main' of the project")
CLONE = Folder("project", None, "The workspace 'code' of the project", repo_url="https://example.org/code.git")
SESSION = Folder("task_session", "/session", "The folder of the saved session")
CONFIGURED = Folder("adapter_config", "/configured", "The configured folder", required=True)


def test_the_first_folder_that_exists_is_taken_without_a_word() -> None:
    place = choose_place([PROJECT, SESSION], "/home", exists=lambda _path: True)
    assert (place.cwd, place.folder.source, place.warnings) == ("/project", "project", ())


def test_every_fallback_names_what_was_missing_and_what_is_used() -> None:
    place = choose_place([PROJECT, CLONE, SESSION], "/home", exists=lambda path: path == "/session")
    assert place.cwd == "/session"
    assert [("/project" in line, "code.git" in line) for line in place.warnings] == [(True, False), (False, True)]
    assert all("using /session instead" in line for line in place.warnings)


def test_without_any_folder_the_agent_works_at_home() -> None:
    place = choose_place([SESSION], "/home", exists=lambda _path: False)
    assert (place.cwd, place.folder.source) == ("/home", "agent_home")


def test_a_required_folder_is_taken_even_if_it_is_missing_so_that_the_start_fails_with_its_name() -> None:
    assert choose_place([CONFIGURED, PROJECT], "/home", exists=lambda _path: False).cwd == "/configured"


def test_a_home_is_its_owners_alone(tmp_path: Path) -> None:
    home = Path(make_home(tmp_path / "agents", "a-1"))
    assert home.stat().st_mode & 0o777 == 0o700
    assert make_home(tmp_path / "agents", "a-1") == str(home)
