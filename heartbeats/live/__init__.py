"""The live feed: from committed rows to open sockets (DESIGN 6)."""

from __future__ import annotations
