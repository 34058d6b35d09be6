"""Quick injections, by what they break."""

from __future__ import annotations
