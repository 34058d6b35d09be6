"""What a view or verb raises when the answer is no. The envelope writes it in the dialect of the API in use."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import APIException


class WireError(APIException):
    """A refusal with the text that the client sees, a code, and optional details (any JSON value, keys untouched)."""

    status_code: int = 400
    default_detail = "Bad request"
    default_code = "bad_request"

    def __init__(self, text: str | None = None, *, details: Any = None, code: str | None = None) -> None:  # noqa: ANN401
        super().__init__(text, code)
        self.text = str(text or self.default_detail)
        self.code = code or self.default_code
        self.details = details


class BadRequest(WireError):
    """400 for a query value or body that no serializer describes."""


class Unauthorized(WireError):
    """401: nobody we know."""

    status_code: int = 401
    default_detail = "Unauthorized"
    default_code = "unauthorized"


class Forbidden(WireError):
    """403: known, but not allowed."""

    status_code: int = 403
    default_detail = "Forbidden"
    default_code = "forbidden"


class NotFound(WireError):
    """404: `NotFound.of("Issue")` says `Issue not found`."""

    status_code: int = 404
    default_detail = "Not found"
    default_code = "not_found"

    @classmethod
    def of(cls, thing: str) -> NotFound:
        """The 404 for one kind of thing."""
        return cls(f"{thing} not found")


class Conflict(WireError):
    """409: it contradicts the present state."""

    status_code: int = 409
    default_detail = "Conflict"
    default_code = "conflict"


class StaleEpoch(Conflict):
    """409 `stale_epoch`: a late writer of an attempt that is over (DESIGN 5). The writer stops its process."""

    default_detail = "This attempt of the run is over"
    default_code = "stale_epoch"

    def __init__(self, text: str | None = None) -> None:
        super().__init__(text, details={"code": self.default_code})


class Unprocessable(WireError):
    """422: well formed and wrong."""

    status_code: int = 422
    default_detail = "Unprocessable"
    default_code = "unprocessable"


class BodyTooLarge(WireError):
    """413: the body is over the limit of the API."""

    status_code: int = 413
    default_code = "body_too_large"

    def __init__(self, most: int) -> None:
        super().__init__(f"Request body is larger than {most} bytes")


class TaskError(WireError):
    """400 `TASK_ERROR` of the agent API (spec/1 D): this run is not the agent's to work on; `action` is what to do."""

    default_detail = "Task cannot be changed by this agent"
    default_code = "task_error"

    def __init__(self, text: str | None = None, *, action: str = "stop") -> None:
        super().__init__(text, details={"action": action})
