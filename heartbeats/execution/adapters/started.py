"""What is known of a start when its end is judged: two small files in the run directory, without secrets."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heartbeats.readings import JsonObject, object_of, text_of

STARTED_NAME = "started.json"
PLACE_NAME = "place.json"
_FOLDER_KEYS = ("cwd", "workspaceId", "repoUrl", "repoRef")


@dataclass(frozen=True, slots=True)
class Started:
    """`folder` is where the session belongs: cwd, workspaceId, repoUrl, repoRef, as far as known."""

    folder: Mapping[str, str] = field(default_factory=dict)
    billing_type: str | None = None


def write_started(run_dir: Path, facts: Mapping[str, Any]) -> None:
    """Leave the facts, whole or not at all. Raises OSError."""
    temporary = run_dir / f".{STARTED_NAME}.tmp"
    temporary.write_text(json.dumps(facts, default=str), encoding="utf-8")
    os.replace(temporary, run_dir / STARTED_NAME)


def read_started(run_dir: Path) -> Started:
    """What is known. The place that the prelude really found wins over the one that was expected. Never raises."""
    facts = {**read_object(run_dir / STARTED_NAME), **read_object(run_dir / PLACE_NAME)}
    folder = {key: value for key in _FOLDER_KEYS if (value := text_of(facts.get(key)))}
    return Started(folder, text_of(facts.get("billingType")))


def read_object(path: Path) -> JsonObject:
    """The JSON object of a file; empty for anything that is none."""
    try:
        return object_of(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError):
        return {}
