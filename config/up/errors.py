"""The one error of this package."""

from __future__ import annotations


class UpError(RuntimeError):
    """`make up` cannot go on. The message is meant for the person at the terminal."""
