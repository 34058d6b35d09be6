"""The one error of this package: it says what happened and what to do."""

from __future__ import annotations


class ServiceError(RuntimeError):
    """An embedded server cannot be found, started or used. The message is meant for the person at the terminal."""
