"""Settings, addresses, processes: what wires the apps together."""

from __future__ import annotations
