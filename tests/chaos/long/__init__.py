"""Long injections: against the suite's servers, with real processes, too slow for `make test`."""

from __future__ import annotations
