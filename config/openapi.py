"""The OpenAPI document: made from the serializers that also read and write the wire, so that it cannot drift."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.renderers import OpenApiJsonRenderer2
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config.common.wire.serializers import WireSerializer

BEARER = {"type": "http", "scheme": "bearer"}

Schema = dict[str, Any]


class OpenApiDocument(SpectacularAPIView):
    """`GET /api/openapi.json`, for everybody."""

    renderer_classes = [OpenApiJsonRenderer2]
    authentication_classes = ()
    permission_classes = ()


class OpenApiPage(SpectacularSwaggerSplitView):
    """`GET /api/docs`: the document to read and try. Its script comes from an address of its own."""

    authentication_classes = ()
    permission_classes = ()
    url_name = "api-openapi"


class WireNames(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Properties carry their wire names."""

    target_class = WireSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> Schema:  # noqa: ANN401
        """The usual schema, renamed."""
        shape: WireSerializer = self.target
        schema: Schema = auto_schema._map_serializer(shape, direction, bypass_extensions=True)
        properties = schema.get("properties", {})
        schema["properties"] = {shape.wire_name(name): value for name, value in properties.items()}
        if "required" in schema:
            schema["required"] = sorted(map(shape.wire_name, schema["required"]))
        if shape.strict:
            schema["additionalProperties"] = False
        return schema

    def get_name(self, auto_schema: Any, direction: str) -> str | None:  # noqa: ANN401, ARG002
        """`HeartbeatBody` is called that, without the framework's suffixes."""
        return str(type(self.target).__name__)


class UserJSON(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Somebody's own JSON."""

    target_class = "config.common.wire.fields.UserJSONField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Schema:  # noqa: ANN401, ARG002
        """Any object, or any value where the field takes one."""
        return {} if self.target._any_type else {"type": "object", "additionalProperties": {}}


class Moment(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A moment."""

    target_class = "config.common.wire.fields.MomentField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Schema:  # noqa: ANN401, ARG002
        """ISO-8601 with a zone."""
        return {"type": "string", "format": "date-time"}


class ShownConfig(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """An adapter's configuration: every adapter has names of its own."""

    target_class = "agents.api.shapes.agents.ShownConfigField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Schema:  # noqa: ANN401, ARG002
        """Any object."""
        return {"type": "object", "additionalProperties": {}}


class Whatever(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A value of a type that is not declared: better unsaid than called a string."""

    target_class = "rest_framework.fields.ReadOnlyField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Schema:  # noqa: ANN401, ARG002
        """Any value."""
        return {}


class AgentKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """An agent's key or run token."""

    target_class = "heartbeats.intake.authentication.StrictAgentAuthentication"
    name = "agentKey"

    def get_security_definition(self, auto_schema: Any) -> Schema:  # noqa: ANN401, ARG002
        """A bearer."""
        return BEARER


class ActorScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Any caller of `/api`: board key, agent key or run token."""

    target_class = "agents.api.authentication.ActorAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> Schema:  # noqa: ANN401, ARG002
        """A bearer."""
        return BEARER
