"""Runs and wakeups over HTTP (spec/4 sections 2 and 3)."""

from __future__ import annotations
