"""What the OpenAPI document says beyond what the views say themselves: refusals, names of shapes, idempotency."""

from __future__ import annotations

from typing import Any

from drf_spectacular.generators import SchemaGenerator

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
REFUSALS = {
    "400": "The body or a query value is not what the contract says; `details` lists each problem.",
    "401": "Nobody we know, or an agent that names no run of its own.",
    "403": "Known, but not allowed here.",
    "404": "There is no such thing.",
    "409": "The state of things stands against it; `details` say who holds what.",
    "413": "The body is too large.",
    "422": "Well-formed, but it contradicts itself or the company.",
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
    if verb == "post":
        told.setdefault("parameters", []).append(_IDEMPOTENCY)


def _refusals(path: str, verb: str, told: Schema) -> list[str]:
    codes = [] if path in OPEN_ROUTES else ["401", "403"]
    queried = any(parameter["in"] == "query" for parameter in told.get("parameters", []))
    if "requestBody" in told or queried or verb == "post":
        codes.append("400")
    if "{" in path:
        codes.append("404")
    if verb != "get":
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
