"""The quick rows of the table of faults; with a file to report to, as `make chaos` gives it, the long ones too.

Each ends with the audit.
"""

from __future__ import annotations

import os
import time

import pytest

from recovery.audit.run import audit
from tests.chaos.catalogue import FAULTS
from tests.chaos.fault import Fault, Outcome, Skipped, Speed, failed, judged, skipped
from tests.chaos.report import FILE, keep
from tests.chaos.world import World

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

SPEEDS = {Speed.QUICK, Speed.LONG} if FILE in os.environ else {Speed.QUICK}
CHOSEN = [fault for fault in FAULTS if fault.speed in SPEEDS]


@pytest.mark.parametrize("fault", CHOSEN, ids=lambda fault: f"row{fault.number}")
def test_fault(fault: Fault, world: World) -> None:
    assert fault.function is not None
    began = time.monotonic()
    try:
        seen = fault.function(world)
    except Skipped as reason:
        keep(skipped(fault, str(reason)))
        pytest.skip(str(reason))
    except BaseException as problem:
        keep(failed(fault, f"{type(problem).__name__}: {problem}", time.monotonic() - began, None))
        raise
    report = judged(fault, seen, "; ".join(violation.text for violation in audit()) or "clean")
    keep(report)
    assert report.outcome is Outcome.PASSED, report
