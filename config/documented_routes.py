"""Which routes the OpenAPI document names."""

from __future__ import annotations

from typing import Any

from drf_spectacular.generators import SchemaGenerator

Endpoint = tuple[str, str, str, Any]


class DocumentedRoutes(SchemaGenerator):
    """Only the operations that say themselves what they take and answer; the others are nothing to rely on."""

    def _get_paths_and_endpoints(self) -> list[Endpoint]:
        endpoints: list[Endpoint] = super()._get_paths_and_endpoints()  # type: ignore[no-untyped-call]
        return [endpoint for endpoint in endpoints if _describes_itself(endpoint)]


def _describes_itself(endpoint: Endpoint) -> bool:
    """Whether `extend_schema` decorates the method, which leaves its mark there."""
    _path, _pattern, method, view = endpoint
    return "schema" in getattr(getattr(view, method.lower(), None), "kwargs", {})
