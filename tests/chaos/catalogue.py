"""The table of spec/6 section 3, in two halves."""

from __future__ import annotations

from tests.chaos import rows_from_23, rows_to_22

FAULTS = (*rows_to_22.FAULTS, *rows_from_23.FAULTS)
