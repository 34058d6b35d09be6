"""What an adapter's configuration must look like, declared per type; unknown keys are an adapter's own. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from agents.vocabulary import AdapterType

# How an agent works, not what its host executes, reads or calls: one agent may ask another's run for these.
TUNING_KEYS = frozenset(
    {
        "effort",
        "graceSec",
        "maxTurnsPerRun",
        "model",
        "modelReasoningEffort",
        "promptTemplate",
        "thinking",
        "timeoutMs",
        "timeoutSec",
        "variant",
    }
)

Check = Callable[[Any], Iterator["Flaw"]]


@dataclass(frozen=True, slots=True)
class Flaw:
    """One value that cannot work: where (below the adapter configuration) and what is expected."""

    path: tuple[str, ...]
    expected: str

    @property
    def sentence(self) -> str:
        """`adapterConfig.env.PORT must be ...`."""
        return f"{'.'.join(('adapterConfig', *self.path))} must be {self.expected}"


@dataclass(frozen=True, slots=True)
class AdapterSchema:
    """The checked keys of one adapter type. Every key may be absent: what must be there shows when a run starts."""

    keys: Mapping[str, Check]

    def flaws(self, config: Mapping[str, Any]) -> list[Flaw]:
        """Everything wrong with a configuration. A null value counts as absent."""
        return [
            Flaw((key, *flaw.path), flaw.expected)
            for key, check in self.keys.items()
            if config.get(key) is not None
            for flaw in check(config[key])
        ]


def adapter_flaws(adapter_type: str, config: Mapping[str, Any]) -> list[Flaw]:
    """Everything wrong with the configuration of this adapter type; nothing for a type without a schema."""
    schema = _SCHEMAS.get(adapter_type)
    return schema.flaws(config) if schema else []


def knows_adapter(adapter_type: str) -> bool:
    """Whether agents of this type can exist. Ones from before may, though none can be made any more."""
    return adapter_type in _SCHEMAS


def why_never_run(adapter_type: str) -> str | None:
    """Why agents of a type that is known can never run here, in a sentence for who wants one; None when they can."""
    return _NEVER_RUN.get(adapter_type)


def _expect(test: Callable[[Any], bool], expected: str) -> Check:
    def check(value: Any) -> Iterator[Flaw]:  # noqa: ANN401
        if not test(value):
            yield Flaw((), expected)

    return check


def _is_text(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str) and bool(value.strip())


def _is_count(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _is_folder(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str) and (not value or (PurePosixPath(value).is_absolute() and "\0" not in value))


def _is_web_address(value: Any) -> bool:  # noqa: ANN401
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _is_binding(value: Any) -> bool:  # noqa: ANN401
    if isinstance(value, str):
        return True
    if not isinstance(value, Mapping):
        return False
    if value.get("type") == "plain":
        return isinstance(value.get("value"), str)
    return value.get("type") == "secret_ref" and (_is_text(value.get("secretId")) or _is_text(value.get("name")))


def _each(test: Callable[[Any], bool], expected: str) -> Check:
    def check(value: Any) -> Iterator[Flaw]:  # noqa: ANN401
        if not isinstance(value, list):
            yield Flaw((), "a list")
            return
        for index, item in enumerate(value):
            if not test(item):
                yield Flaw((str(index),), expected)

    return check


def _values(test: Callable[[Any], bool], expected: str) -> Check:
    def check(value: Any) -> Iterator[Flaw]:  # noqa: ANN401
        if not isinstance(value, Mapping):
            yield Flaw((), "an object")
            return
        for name, item in value.items():
            if not _is_text(name) or "=" in name:
                yield Flaw((str(name),), "named without =")
            elif not test(item):
                yield Flaw((name,), expected)

    return check


TEXT = _expect(lambda value: isinstance(value, str), "a string")
FILLED = _expect(_is_text, "a string that is not empty")
FLAG = _expect(lambda value: isinstance(value, bool), "true or false")
COUNT = _expect(_is_count, "a number of at least 0")
FOLDER = _expect(_is_folder, "an absolute path, or empty")
ADDRESS = _expect(_is_web_address, "an http or https address")
OBJECT = _expect(lambda value: isinstance(value, Mapping), "an object")
WORDS = _each(lambda value: isinstance(value, str), "a string")
BINDINGS = _values(_is_binding, "a string or a secret reference")
HEADERS = _values(_is_binding, "a string or a secret reference")

_STARTED_BY_US: dict[str, Check] = {
    "command": FILLED,
    "args": WORDS,
    "cwd": FOLDER,
    "env": BINDINGS,
    "timeoutSec": COUNT,
    "graceSec": COUNT,
    "paperclipSkillSync": OBJECT,
}
_CODING_TOOL: dict[str, Check] = {
    **_STARTED_BY_US,
    "extraArgs": WORDS,
    "model": TEXT,
    "effort": TEXT,
    "promptTemplate": TEXT,
    "instructionsFilePath": TEXT,
    "maxTurnsPerRun": COUNT,
    "dangerouslySkipPermissions": FLAG,
    "workspaceStrategy": OBJECT,
}
_CALLED: dict[str, Check] = {
    "url": ADDRESS,
    "method": FILLED,
    "headers": HEADERS,
    "timeoutMs": COUNT,
    "payloadTemplate": OBJECT,
}

_SCHEMAS: dict[str, AdapterSchema] = {
    AdapterType.PROCESS: AdapterSchema(_STARTED_BY_US),
    AdapterType.HTTP: AdapterSchema(_CALLED),
    AdapterType.CLAUDE_LOCAL: AdapterSchema(_CODING_TOOL),
    AdapterType.CODEX_LOCAL: AdapterSchema(_CODING_TOOL),
    AdapterType.GEMINI_LOCAL: AdapterSchema(_CODING_TOOL),
    AdapterType.CURSOR: AdapterSchema(_CODING_TOOL),
    AdapterType.OPENCODE_LOCAL: AdapterSchema(_CODING_TOOL),
    AdapterType.PI_LOCAL: AdapterSchema(_CODING_TOOL),
    AdapterType.HERMES_LOCAL: AdapterSchema(_CODING_TOOL),
    AdapterType.OPENCLAW_GATEWAY: AdapterSchema({"url": TEXT, "headers": HEADERS, "timeoutMs": COUNT}),
    AdapterType.REMOTE: AdapterSchema({"env": BINDINGS}),
}
_NEVER_RUN: dict[str, str] = {
    AdapterType.OPENCLAW_GATEWAY: (
        "Agents of adapter type openclaw_gateway cannot run here: Everbeat does not speak to that gateway. "
        "Let the agent poll as type remote, or call it as type http."
    ),
}
