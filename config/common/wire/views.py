"""The base of every API view. Authorise first: the body is not even read until the view asks for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar
from uuid import UUID

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.common.wire.camel import MEBIBYTE, CamelCaseJSONParser, CamelCaseJSONRenderer
from config.common.wire.envelope import agent_exception_handler, api_exception_handler
from config.common.wire.errors import NotFound
from config.common.wire.serializers import WireSerializer

UUID_FORM = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
Handler = Callable[[Exception, Mapping[str, Any]], Response]


class AlwaysJSON(DefaultContentNegotiation):
    """Answers JSON whatever `Accept` says: a client that asks for something else still reads its error."""

    def select_renderer(
        self,
        _request: Request,
        renderers: Any,  # noqa: ANN401
        _format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        """The first renderer."""
        return renderers[0], renderers[0].media_type


class WireView(APIView):
    """A view of `/api`. A handler loads and authorises, then calls `body()`: a stranger's bad body is a 403, not a 400.

    Bodies above `max_body_bytes` are 413.
    """

    max_body_bytes: ClassVar[int] = 10 * MEBIBYTE
    renderer_classes = (CamelCaseJSONRenderer,)
    parser_classes = (CamelCaseJSONParser,)
    content_negotiation_class = AlwaysJSON

    def get_exception_handler(self) -> Handler:
        """The dialect of this API."""
        return api_exception_handler

    def body(self, shape: type[WireSerializer], **context: Any) -> dict[str, Any]:  # noqa: ANN401
        """Read the body now and return its validated, snake_case data; raises the 400 that lists every issue."""
        return self._valid(shape, self.request.data, context)

    def query(self, shape: type[WireSerializer], **context: Any) -> dict[str, Any]:  # noqa: ANN401
        """The validated query parameters. Declare them with the framework's own fields: they arrive as strings."""
        return self._valid(shape, self.request.query_params.dict(), context)

    def _valid(self, shape: type[WireSerializer], data: Any, context: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
        serializer = shape(data=data, context={"request": self.request, "view": self, **context})
        serializer.is_valid(raise_exception=True)
        valid: dict[str, Any] = serializer.validated_data
        return valid


class AgentWireView(WireView):
    """A view of `/api/v1/agent`: its envelope, 1 MiB, and a `failure_code` for a 500 (`HEARTBEAT_ERROR`, ...)."""

    max_body_bytes: ClassVar[int] = MEBIBYTE
    failure_code: ClassVar[str] = "INTERNAL_ERROR"

    def get_exception_handler(self) -> Handler:
        """The dialect of this API."""
        return agent_exception_handler

    def _valid(self, shape: type[WireSerializer], data: Any, context: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
        """As the base, by one serializer for all requests: the shapes of this API look at nothing but the data."""
        assert not context, "a shape of the agent API knows no request"
        valid: dict[str, Any] = _reader(shape).run_validation(data)
        return valid


@lru_cache(maxsize=64)
def _reader(shape: type[WireSerializer]) -> WireSerializer:
    """The one instance that reads bodies of this shape: making one copies every field."""
    return shape()


def path_uuid(text: str, thing: str) -> UUID:
    """The id in a path; one that is no UUID names nothing, so it is the 404 `<thing> not found`, never a 500."""
    if not UUID_FORM.fullmatch(text):
        raise NotFound.of(thing)
    return UUID(text)
