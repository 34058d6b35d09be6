"""Running a sweep by hand, asking what it would do, switching it. Sweeps serve all companies: instance admins only."""

from __future__ import annotations

from django.http import HttpRequest

from config.board.actions.answer import deed
from config.board.callers import Caller
from config.board.refusals import NotAllowed, NotThere
from config.board.words.reasons import first_line, known, plain
from config.board.words.sweeps import NAMES
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, dry_run, run_sweep_by_hand, switch_sweep
from recovery.vocabulary import SweepName


@deed
def act_on_sweep(_request: HttpRequest, caller: Caller, name: str, verb: str) -> str:
    """`run`, `dry-run`, `on` or `off`."""
    sweep = known(SweepName, name)
    if sweep is None:
        raise NotThere
    if not caller.user.is_superuser:
        raise NotAllowed
    if verb in ("on", "off"):
        switch_sweep(sweep, enabled=verb == "on")
        return f"{NAMES[sweep]} is switched {verb} on every host."
    if verb == "run":
        return _told(sweep, run_sweep_by_hand(sweep_named(sweep)), "did")
    if verb == "dry-run":
        return _told(sweep, dry_run(sweep_named(sweep)), "would do")
    raise NotThere


def _told(sweep: SweepName, report: SweepReport, did: str) -> str:
    name = NAMES[sweep]
    if report.skipped_because:
        return f"{name}: {plain(report.skipped_because)}."
    if report.error:
        return f"{name} failed: {first_line(report.error)}"
    done = ", ".join(f"{count} {plain(what)}" for what, count in sorted(report.counts.items()) if count)
    return f"{name} looked at {report.results.looked_at} and {did}: {done or 'nothing'}."
