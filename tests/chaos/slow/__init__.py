"""Slow injections: against a whole Everbeat on servers of its own."""

from __future__ import annotations
