"""What the OpenAPI document says beyond what the views say themselves: refusals, names of shapes, idempotency."""

from __future__ import annotations

from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema

Endpoint = tuple[str, str, str, Any]
Schema = dict[str, Any]

AGENT_API = "/api/v1/agent/"
# The routes that take whoever asks.
OPEN_ROUTES = frozenset({"/api/health"})
API_ERROR: Schema = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "details": {}},
    "required": ["error"],
}
BAD_REQUEST = 400
REFUSALS = {
    "400": "The body or a query value is not what the contract says; `details` lists each problem.",
    "401": "Nobody we know, or an agent that names no run of its own.",
    "403": "Known, but not allowed here.",
    "404": "There is no such thing.",
    "409": "The state of things stands against it; `details` say who holds what.",
    "413": "The body is too large.",
    "422": "Well-formed, but it contradicts itself or the company.",
}
# Every route of one agent takes a shortname, which may need a company and may be ambiguous.
_BY_SHORTNAME = "/api/agents/{ref}"
_COMPANY: Schema = {
    "in": "query",
    "name": "companyId",
    "schema": {"type": "string", "format": "uuid"},
    "description": "The company in which a shortname is looked up; an agent's own unless said otherwise.",
}
_IDEMPOTENCY: Schema = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "maxLength": 255},
    "description": "The repeat of a creating request with the same key gets the first answer.",
}


class DocumentedRoutes(SchemaGenerator):
    """Only the operations that say themselves what they take and answer; the others are nothing to rely on."""

    def _get_paths_and_endpoints(self) -> list[Endpoint]:
        endpoints: list[Endpoint] = super()._get_paths_and_endpoints()  # type: ignore[no-untyped-call]
        return [endpoint for endpoint in endpoints if describes_itself(endpoint)]


class NamedOperations(AutoSchema):
    """Operations that answer an array are called a list, however it is described, and those that never answer refuse.

    So no two paths that differ only in what they name end up with one id.
    """

    def get_operation_id(self) -> str:
        """The path and what is done there."""
        name: str = super().get_operation_id()
        answers: Any = self.get_response_serializers()
        (code, _media), answer = next(iter(answers.items()))
        if code >= BAD_REQUEST:
            return f"{name.removesuffix('_retrieve')}_refuse"
        is_array = isinstance(answer, dict) and answer.get("type") == "array"
        return f"{name.removesuffix('_retrieve')}_list" if is_array and self.method == "GET" else name


def describes_itself(endpoint: Endpoint) -> bool:
    """Whether `extend_schema` decorates the method, which leaves its mark there."""
    _path, _pattern, method, view = endpoint
    return "schema" in getattr(getattr(view, method.lower(), None), "kwargs", {})


def complete(result: Schema, generator: Any, request: Any, public: bool) -> Schema:  # noqa: ANN401, ARG001
    """The hook that completes the document: named shapes become components, and every operation says how it refuses."""
    shapes = result.setdefault("components", {}).setdefault("schemas", {})
    shapes["ApiError"] = API_ERROR
    for path, verbs in result["paths"].items():
        for verb, told in verbs.items():
            told["responses"] = {code: _shared(answer, shapes) for code, answer in told["responses"].items()}
            if not path.startswith(AGENT_API):
                _add_refusals(path, verb, told)
    return result


def _add_refusals(path: str, verb: str, told: Schema) -> None:
    for code in _refusals(path, verb, told):
        answer = {"description": REFUSALS[code], "content": _content("#/components/schemas/ApiError")}
        told["responses"].setdefault(code, answer)
    if path.startswith(_BY_SHORTNAME):
        told.setdefault("parameters", []).append(_COMPANY)
    if verb == "post":
        told.setdefault("parameters", []).append(_IDEMPOTENCY)


def _refusals(path: str, verb: str, told: Schema) -> list[str]:
    codes = [] if path in OPEN_ROUTES else ["401", "403"]
    queried = any(parameter["in"] == "query" for parameter in told.get("parameters", []))
    # The key of a document has a form; another name in a path that is not what it should be names nothing.
    if "requestBody" in told or queried or verb == "post" or "/documents/" in path:
        codes.append("400")
    if "{" in path:
        codes.append("404")
    if verb != "get" or path.startswith(_BY_SHORTNAME):
        codes += ["409", "422"]
    return sorted([*codes, "413"] if "requestBody" in told else codes)


def _content(ref: str) -> Schema:
    return {"application/json": {"schema": {"$ref": ref}}}


def _shared(schema: Any, shapes: Schema) -> Any:  # noqa: ANN401
    """A copy in which every object that has a title of its own stands once, among the components."""
    if isinstance(schema, list):
        return [_shared(item, shapes) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copied = {name: _shared(value, shapes) for name, value in schema.items()}
    title = copied.get("title")
    if copied.get("type") != "object" or not isinstance(title, str):
        return copied
    shapes[title] = {name: value for name, value in copied.items() if name != "title"}
    return {"$ref": f"#/components/schemas/{title}"}
