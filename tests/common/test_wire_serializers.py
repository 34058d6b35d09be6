"""The serializer base: wire names outside, snake_case inside, absent is not null, errors speak the client's names."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from config.common.wire.camel import to_json
from config.common.wire.fields import (
    FlagField,
    IssueTextField,
    MomentField,
    NumberField,
    TextField,
    UserJSONField,
    WholeField,
)
from config.common.wire.issues import issues_of
from config.common.wire.serializers import WireSerializer


class CurrentTask(WireSerializer):
    task_id = serializers.UUIDField()
    progress = NumberField(min_value=0)


class Report(WireSerializer):
    wire_names: ClassVar[dict[str, str]] = {"state": "stateJson"}

    run_label = TextField(max_length=8)
    body_text = IssueTextField(required=False)
    current_task = CurrentTask(required=False)
    past_tasks = CurrentTask(many=True, required=False)
    parent_id = serializers.UUIDField(required=False, allow_null=True)
    exit_code = WholeField(required=False)
    was_killed = FlagField(required=False)
    seen_at = MomentField(required=False)
    made_at = serializers.DateTimeField(required=False)
    plain_note = serializers.CharField(required=False)
    tag_list = serializers.ListField(child=serializers.CharField(), required=False)
    state = UserJSONField(required=False, max_characters=40)


class StrictHold(WireSerializer):
    strict = True
    hold_mode = serializers.ChoiceField(choices=["pause", "cancel"])

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["hold_mode"] == "cancel":
            raise ValidationError({"hold_mode": "not now"})
        return attrs


def valid(**body: Any) -> dict[str, Any]:
    serializer = Report(data={"runLabel": "a", **body})
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def issues(shape: type[WireSerializer], body: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as refused:
        shape(data=body).is_valid(raise_exception=True)
    return [(issue.as_sentence(), issue.code) for issue in issues_of(refused.value)]


def problem(**body: Any) -> tuple[str, str]:
    (only,) = issues(Report, {"runLabel": "a", **body})
    return only


def test_wire_names_come_in_and_snake_case_comes_out() -> None:
    data = valid(currentTask={"taskId": "0" * 8 + "-0000-4000-8000-" + "0" * 12, "progress": 1}, stateJson={"a_b": 1})
    assert set(data) == {"run_label", "current_task", "state"}
    assert data["current_task"]["progress"] == 1.0
    assert data["state"] == {"a_b": 1}


def test_snake_case_names_and_unknown_names_are_ignored() -> None:
    assert valid(exit_code=1, workMode="x", currentTasks=None) == {"run_label": "a"}


def test_strict_bodies_refuse_unknown_names() -> None:
    assert issues(StrictHold, {"holdMode": "pause", "zeta": 1, "alpha": 2}) == [
        ("body: Unrecognized key(s) in object: alpha, zeta", "unrecognized_keys")
    ]


def test_absent_is_not_null() -> None:
    assert "parent_id" not in valid()
    assert valid(parentId=None)["parent_id"] is None


def test_null_for_an_optional_object_is_refused() -> None:
    assert problem(currentTask=None) == ("currentTask: This field may not be null.", "invalid_type")


def test_the_whole_body_is_called_body() -> None:
    bodies: list[Any] = [[], "x", 5]
    for body in bodies:
        assert issues(Report, body) == [("body: Expected an object", "invalid_type")]


def test_paths_are_dotted_with_indexes_as_segments_and_every_issue_is_told() -> None:
    found = issues(Report, {"pastTasks": [{"taskId": "0" * 32, "progress": 1}, {"progress": -1}], "tagList": ["a", {}]})
    assert [sentence.split(":")[0] for sentence, _ in found] == [
        "runLabel",
        "pastTasks.1.taskId",
        "pastTasks.1.progress",
        "tagList.1",
    ]
    assert found[2][1] == "too_small"


def test_errors_of_validate_carry_wire_names() -> None:
    assert issues(StrictHold, {"holdMode": "cancel"}) == [("holdMode: not now", "invalid_type")]
    assert issues(StrictHold, {"holdMode": "stop"})[0][1] == "invalid_enum_value"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("runLabel", 5),
        ("runLabel", True),
        ("runLabel", "123456789"),
        ("exitCode", "5"),
        ("exitCode", True),
        ("exitCode", 1.5),
        ("exitCode", 2**63),
        ("wasKilled", 1),
        ("wasKilled", "true"),
        ("wasKilled", []),
        ("seenAt", "2026-01-02T03:04:05"),
        ("seenAt", "2026-13-02T03:04:05Z"),
        ("seenAt", 5),
        ("stateJson", []),
        ("stateJson", None),
        ("stateJson", {"a": "x" * 33}),
        ("tagList", "a"),
    ],
)
def test_a_value_of_the_wrong_type_or_size_is_one_issue_at_its_place(field: str, wrong: Any) -> None:
    assert problem(**{field: wrong})[0].startswith(f"{field}: ")


def test_values_at_their_limits_are_taken() -> None:
    data = valid(exitCode=5.0, wasKilled=False, seenAt="2026-01-02T03:04:05+02:00", stateJson={"a": "x" * 32})
    assert (data["exit_code"], data["was_killed"]) == (5, False)
    assert data["seen_at"] == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)


def test_the_cap_of_json_counts_what_was_received() -> None:
    assert valid(stateJson={"a": "\x00" * 5})["state"] == {"a": "\ufffd" * 5}
    assert problem(stateJson={"a": "\x00" * 6})[0] == "stateJson: Must be at most 40 characters of JSON"


def test_every_string_is_storable_also_in_the_frameworks_own_fields() -> None:
    data = valid(runLabel="a\x00", plainNote="b\ud800", tagList=["\x00"], stateJson={"\x00": "\x00"})
    assert data == {
        "run_label": "a\ufffd",
        "plain_note": "b\ufffd",
        "tag_list": ["\ufffd"],
        "state": {"\ufffd": "\ufffd"},
    }


def test_json_nested_too_deeply_is_refused() -> None:
    deep: Any = {}
    for _ in range(150):
        deep = {"a": deep}
    assert problem(stateJson=deep) == ("stateJson: Nested too deeply", "too_deep")
    assert issues(Report, {"runLabel": "a", "tagList": deep}) == [("body: Nested too deeply", "too_deep")]


def test_issue_text_gets_real_newlines_and_keeps_its_spaces() -> None:
    assert valid(bodyText=r" a\nb ")["body_text"] == " a\nb "


def test_rows_go_out_with_wire_names_and_user_json_untouched() -> None:
    row = SimpleNamespace(
        run_label="a",
        body_text="b",
        current_task=None,
        past_tasks=[],
        parent_id=None,
        exit_code=0,
        was_killed=False,
        seen_at=datetime(2026, 1, 2, 3, 4, 5, 6000, tzinfo=UTC),
        made_at=datetime(2026, 1, 2, 3, 4, 5, 6789, tzinfo=UTC),
        plain_note="n",
        tag_list=[],
        state={"a_b": 1},
    )
    out = Report(row).data
    assert out["seenAt"] == "2026-01-02T03:04:05.006Z"
    assert json.loads(to_json(out))["madeAt"] == "2026-01-02T03:04:05.006Z"
    assert out["stateJson"] == {"a_b": 1}
    assert out["currentTask"] is None
    assert list(out)[:2] == ["runLabel", "bodyText"]
