"""claude_local against what its tool really printed: streams/recorded/README.md says how they came about."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.heartbeats.adapters.test_adapters_claude import recorded, report


def test_what_the_tool_itself_printed_of_a_success_is_read(tmp_path: Path) -> None:
    told = report(tmp_path, recorded("recorded/success"))
    assert (told.error_message, told.error_family, told.clear_session) == (None, None, False)
    assert told.session_id == "ef3d2661-4b78-4b67-b5c8-11b44886a135"
    assert told.summary == "The importer test is green again."
    assert told.usage == {"inputTokens": 24, "cachedInputTokens": 2400, "outputTokens": 79}
    assert told.cost_usd == pytest.approx(0.007545)


@pytest.mark.parametrize(
    ("stream", "family", "words"),
    [
        ("bad_key", "auth", "Invalid API key"),
        ("no_funds", "billing", "Credit balance is too low"),
        ("no_model", "model_not_found", "issue with the selected model (nope-1)"),
        ("limit", "transient_upstream", "exceed your account's rate limit"),
        ("overloaded", "transient_upstream", "529 Overloaded"),
        ("max_turns", None, "turns"),
        ("unknown_session", None, "No conversation found with session ID"),
    ],
)
def test_what_the_tool_itself_printed_of_a_failure_is_read(
    tmp_path: Path, stream: str, family: str | None, words: str
) -> None:
    told = report(tmp_path, recorded(f"recorded/{stream}"), code=1)
    assert told.error_family == family
    assert words in (told.error_message or "")
    assert told.clear_session is (stream in {"max_turns", "unknown_session"})
