"""What questions may say, and what an answer makes of them: pure decisions (spec/4 section 4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from issues.vocabulary import ContinuationPolicy, InteractionKind, InteractionStatus

RESOLVED = "Interaction has already been resolved"

DEFAULT_POLICY = {
    InteractionKind.SUGGEST_TASKS: ContinuationPolicy.WAKE_ASSIGNEE,
    InteractionKind.ASK_USER_QUESTIONS: ContinuationPolicy.WAKE_ASSIGNEE,
    InteractionKind.REQUEST_CONFIRMATION: ContinuationPolicy.NONE,
}
OPEN_TO = {
    "accept": (InteractionKind.SUGGEST_TASKS, InteractionKind.REQUEST_CONFIRMATION),
    "reject": (InteractionKind.SUGGEST_TASKS, InteractionKind.REQUEST_CONFIRMATION),
    "respond": (InteractionKind.ASK_USER_QUESTIONS,),
}


class UnfitAnswer(ValueError):
    """The answer does not fit the question (422)."""


@dataclass(frozen=True, slots=True)
class Task:
    """One suggested task that was accepted; `parent_key` names another one of them that it is part of."""

    key: str
    parent_key: str | None
    fields: Mapping[str, Any]


def wakes_assignee(policy: str, status: InteractionStatus) -> bool:
    """Whether this outcome wakes the assignee (W10)."""
    if status == InteractionStatus.EXPIRED or policy == ContinuationPolicy.NONE:
        return False
    return policy == ContinuationPolicy.WAKE_ASSIGNEE or status == InteractionStatus.ACCEPTED


def require_open_to(action: str, kind: str) -> None:
    """Raise UnfitAnswer when this kind of question cannot be answered so."""
    if kind not in OPEN_TO[action]:
        raise UnfitAnswer(f"Cannot {action} an interaction of kind {kind}")


def chosen_tasks(payload: Mapping[str, Any], selected: Collection[str] | None) -> tuple[list[Task], list[str]]:
    """The accepted tasks, parents before their parts, and the keys of those left out.

    Without a selection all are accepted. A part whose parent is left out goes directly below the issue.
    """
    tasks: Sequence[Mapping[str, Any]] = payload.get("tasks") or []
    keys = [str(task["clientKey"]) for task in tasks]
    strangers = sorted(set(selected or ()) - set(keys))
    if strangers:
        raise UnfitAnswer(f"Unknown task keys: {', '.join(strangers)}"[:500])
    wanted = set(keys if selected is None else selected)
    if not wanted:
        raise UnfitAnswer("Select at least one task, or reject the suggestion")
    chosen = [_task(task, wanted) for task in tasks if str(task["clientKey"]) in wanted]
    return _parents_first(chosen), [key for key in keys if key not in wanted]


def checked_answers(payload: Mapping[str, Any], answers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The answers, if they fit: known questions and options, one option for `single`, required ones given."""
    questions = {str(question["id"]): question for question in payload.get("questions") or []}
    given = {str(answer["question_id"]): answer for answer in answers}
    strangers = sorted(given.keys() - questions.keys())
    if strangers:
        raise UnfitAnswer(f"Unknown questions: {', '.join(strangers)}"[:500])
    for question_id, question in questions.items():
        _require_fit(question, given.get(question_id))
    return [
        {
            "questionId": question_id,
            "optionIds": list(answer.get("option_ids") or []),
            "otherText": answer.get("other_text"),
        }
        for question_id, answer in given.items()
    ]


def _task(task: Mapping[str, Any], wanted: Collection[str]) -> Task:
    parent = task.get("parentClientKey")
    return Task(str(task["clientKey"]), str(parent) if parent in wanted else None, task)


def _parents_first(tasks: list[Task]) -> list[Task]:
    ordered: list[Task] = []
    waiting = list(tasks)
    while waiting:
        placed = {task.key for task in ordered}
        ready = [task for task in waiting if task.parent_key is None or task.parent_key in placed]
        if not ready:
            raise UnfitAnswer("Suggested tasks are parts of each other")
        ordered += ready
        waiting = [task for task in waiting if task not in ready]
    return ordered


def _require_fit(question: Mapping[str, Any], answer: Mapping[str, Any] | None) -> None:
    chosen = list(answer.get("option_ids") or []) if answer else []
    known = {str(option["id"]) for option in question.get("options") or []}
    if set(map(str, chosen)) - known:
        raise UnfitAnswer(f"Unknown options for question {question['id']}")
    if question.get("selectionMode") == "single" and len(chosen) > 1:
        raise UnfitAnswer(f"Question {question['id']} takes one option")
    if question.get("required") and not chosen and not (answer and answer.get("other_text")):
        raise UnfitAnswer(f"Question {question['id']} needs an answer")
