"""The table of faults (spec/6 section 3) as programs: each row injects its fault, watches, and ends with the audit."""

from __future__ import annotations
