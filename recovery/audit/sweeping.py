"""The audit on a timer: its newest `SweepRun` says what it found, to the metric and the admin's banner (DESIGN 7)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import structlog

from recovery.audit.run import CHECKS, audit
from recovery.models import SweepRun
from recovery.sweeps.rows import SweepPass
from recovery.vocabulary import SweepName

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class LastAudit:
    """When every invariant was last asked, and how many rows broke one; some of them in words."""

    at: datetime
    violations: int
    texts: tuple[str, ...]


def audit_everything(work: SweepPass) -> None:
    """Ask every invariant; each violation counts as a row that failed. Changes nothing, also when it is no dry run."""
    found = audit(now=work.now)
    for violation in found:
        work.tally.fail(violation.check, violation.text)
    by_check = Counter(violation.check for violation in found)
    work.details |= {"checks": len(CHECKS), "violations": dict(by_check)}
    if found:
        log.error("audit_found_violations", violations=len(found), by_check=dict(by_check))


def last_audit() -> LastAudit | None:
    """What the newest pass found; None when there was none yet. One statement."""
    row = SweepRun.objects.filter(sweep=SweepName.AUDIT, outcome="done", dry_run=False).order_by("-started_at").first()
    if row is None:
        return None
    texts = tuple(str(each.get("error", "")) for each in row.report.get("errors", []))
    return LastAudit(row.started_at, row.failed, texts)
