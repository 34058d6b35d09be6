"""Rules of the house that no linter knows: who may send, who may write a status, how long a file may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent
ROOMS = ("config", "agents", "issues", "heartbeats", "recovery")
SENDERS = {"config/common/after_commit.py"}
MOST_LINES = 300
MOST_FUNCTION_LINES = 60


def _sources() -> list[Path]:
    return [
        path
        for room in ROOMS
        for path in sorted((HOUSE / room).rglob("*.py"))
        if "migrations" not in path.parts and "__pycache__" not in path.parts
    ]


def _name(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


SOURCES = _sources()
TREES = {_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_only_one_module_sends_messages() -> None:
    found = [
        f"{name}:{call.lineno}"
        for name, tree in TREES.items()
        if name not in SENDERS
        for call in _calls(tree)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in {"delay", "apply_async", "send_task", "delay_on_commit"}
    ]
    assert found == []


@pytest.mark.parametrize("model", ["HeartbeatRun", "WakeupRequest", "Agent", "Issue"])
def test_a_status_is_written_only_where_its_transitions_live(model: str) -> None:
    """No `update(status=…)` on a queryset of these models anywhere: moves go through the table's own `move`."""
    found = [
        f"{name}:{call.lineno}"
        for name, tree in TREES.items()
        if not name.endswith("lifecycle.py") and name != "config/common/transitions.py"
        for call in _calls(tree)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "update"
        and any(keyword.arg == "status" for keyword in call.keywords)
        and ast.unparse(call.func.value).startswith(f"{model}.objects")
    ]
    assert found == []


def test_no_attribute_named_status_is_assigned_outside_of_the_transition_modules() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in TREES.items()
        if not name.endswith("lifecycle.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Attribute) and target.attr == "status" for target in node.targets)
    ]
    assert found == []


def test_no_exception_is_swallowed_silently() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and all(isinstance(line, ast.Pass) for line in node.body)
    ]
    assert found == []


def test_files_are_short() -> None:
    long = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in long.items() if lines > MOST_LINES} == {}


def test_functions_are_short() -> None:
    found = {
        f"{name}:{node.name}": node.end_lineno - node.lineno + 1
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno
    }
    assert {name: lines for name, lines in found.items() if lines > MOST_FUNCTION_LINES} == {}


def test_public_functions_and_classes_say_what_they_guarantee() -> None:
    found = [
        f"{name}:{node.name}"
        for name, tree in TREES.items()
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]
    assert found == []


def test_no_test_sleeps() -> None:
    found = [
        f"{_name(path)}:{call.lineno}"
        for path in sorted((HOUSE / "tests").rglob("*.py"))
        if path.name != "waiting.py" and not {"benchmarks", "chaos"}.intersection(path.parts)
        for call in _calls(ast.parse(path.read_text(encoding="utf-8")))
        if ast.unparse(call.func) in {"time.sleep", "sleep", "asyncio.sleep"}
    ]
    assert found == []
