"""Makes a fake command line tool: it notes how it was called, and replays a recorded stream, line by line."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STREAMS = Path(__file__).parent / "streams"

_SCRIPT = """#!{python}
import json, os, sys
folder = {folder!r}
with open(os.path.join(folder, "calls.jsonl"), "a") as calls:
    calls.write(json.dumps({{"argv": sys.argv[1:], "stdin": sys.stdin.read(), "cwd": os.getcwd(),
                            "env": {{k: v for k, v in os.environ.items() if k.startswith("EVERBEAT_")}}}}) + "\\n")
refuses = "--resume" in sys.argv and os.path.exists(os.path.join(folder, "forgetful"))
stream, code = ({refusal!r}, 1) if refuses else ({stream!r}, {code})
for line in open(stream, encoding="utf-8"):
    sys.stdout.write(line)
    sys.stdout.flush()
if refuses:
    sys.stderr.write("No conversation found with session ID: " + sys.argv[sys.argv.index("--resume") + 1] + "\\n")
sys.exit(code)
"""


@dataclass(frozen=True)
class FakeTool:
    """The executable, and what it was called with."""

    folder: Path
    command: str

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every call, in order."""
        noted = self.folder / "calls.jsonl"
        return [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []

    def forget(self) -> None:
        """From now on it knows no session any more."""
        (self.folder / "forgetful").touch()


def fake_tool(folder: Path, stream: str, *, name: str = "claude", code: int = 0) -> FakeTool:
    """A tool that replays `streams/<stream>.jsonl` and ends with `code`."""
    folder.mkdir(exist_ok=True)
    command = folder / name
    command.write_text(
        _SCRIPT.format(
            python=sys.executable,
            folder=str(folder),
            refusal=str(STREAMS / "claude_unknown_session.jsonl"),
            stream=str(STREAMS / f"{stream}.jsonl"),
            code=code,
        )
    )
    command.chmod(0o755)
    return FakeTool(folder, str(command))
