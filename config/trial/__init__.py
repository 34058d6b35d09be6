"""A whole Everbeat on throw-away servers, driven from outside: what `make demo` and the benchmarks stand on."""

from __future__ import annotations
