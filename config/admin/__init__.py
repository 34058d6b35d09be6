"""The admin of the installation: its first page, its navigation, and beat's schedule."""

from __future__ import annotations

from config.admin import periodic

__all__ = ["periodic"]
