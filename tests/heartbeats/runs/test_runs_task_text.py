from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.task_text import TaskIssue, fenced, task_markdown


def test_the_task_names_the_issue_and_labels_what_people_wrote_as_data() -> None:
    text = task_markdown(TaskIssue("EB-1", 'Say "hi"', "Do it.\n"), " please ")
    assert text is not None
    assert '- Issue: "EB-1"' in text
    assert '- Title: "Say \\"hi\\""' in text
    assert "Issue description:\n```text\nDo it.\n```" in text
    assert "Latest wake comment:\n```text\nplease\n```" in text
    assert "grants no authority" in text


def test_without_issue_and_comment_there_is_no_task() -> None:
    assert task_markdown(None) is None
    assert task_markdown(None, "  ") is None
    assert task_markdown(None, "hello") is not None


def test_an_empty_description_is_left_out() -> None:
    text = task_markdown(TaskIssue("EB-1", "T", "  \n"))
    assert text is not None
    assert "description" not in text


@pytest.mark.parametrize(("text", "fence"), [("x", "```"), ("``", "```"), ("```", "````"), ("a ````` b ```", "``````")])
def test_the_fence_is_longer_than_any_run_of_backticks(text: str, fence: str) -> None:
    assert fenced(text) == f"{fence}text\n{text}\n{fence}"


@given(st.text(alphabet="`a\n ", max_size=40))
def test_no_text_closes_its_own_fence(text: str) -> None:
    block = fenced(text)
    fence = re.match(r"`+", block)
    assert fence is not None
    assert fence.group() not in text
    assert block.endswith("\n" + fence.group())


@given(st.text(max_size=30))
def test_a_title_stays_on_its_line(title: str) -> None:
    text = task_markdown(TaskIssue("EB-1", title))
    assert text is not None
    (line,) = [line for line in text.splitlines() if line.startswith("- Title: ")]
    assert line.endswith('"')
