"""Measurements against a running Everbeat. Each prints JSON lines; `make bench` runs them all."""

from __future__ import annotations
