"""`python -m tests.chaos [rows…] [--soak MINUTES] [--seed N]`: inject faults, report each, audit after each.

Exit code 0 only if every row that is built passed with a clean audit.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import django

from config.services import throwaway_services
from tests.chaos.fault import Fault, Outcome, Report, Skipped, Speed, failed, judged, skipped
from tests.chaos.report import FILE, kept, line, summary

ROOT = Path(__file__).resolve().parents[2]
TESTS_SECONDS = 600.0


def main(argv: Sequence[str]) -> int:
    """Inject the named rows, or all; then soak for as long as asked."""
    asked = argparse.ArgumentParser(prog="python -m tests.chaos")
    asked.add_argument("rows", nargs="*", type=int)
    asked.add_argument("--soak", type=float, default=0, metavar="MINUTES")
    asked.add_argument("--seed", type=int, default=int(time.time()))
    options = asked.parse_args(argv)
    reports: list[Report] = []
    with throwaway_services() as services:
        services.fill_in(os.environ)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django.setup()  # not before: the settings need the servers' addresses
        from tests.chaos.catalogue import FAULTS

        chosen = [fault for fault in FAULTS if not options.rows or fault.number in options.rows]
        for report in inject_all(chosen if options.rows or not options.soak else []):
            reports.append(report)
            print(line(report), flush=True)
        if options.soak:
            from tests.chaos.soak import soak

            for report in soak(options.soak * 60, options.seed):
                reports.append(report)
                print(line(report), flush=True)
    print(summary(reports), flush=True)
    return 1 if any(report.outcome is Outcome.FAILED for report in reports) else 0


def inject_all(faults: Sequence[Fault]) -> Iterator[Report]:
    """One report per row; a row with tests and a function passes only if both do."""
    for fault in faults:
        if not fault.built:
            yield Report(fault.number, fault.fault, fault.expected, Outcome.NOT_BUILT, fault.missing)
            continue
        found = [_by_tests(fault)] if fault.tests else []
        if fault.speed in (Speed.QUICK, Speed.LONG):
            found.append(_quick(fault))
        elif fault.speed is Speed.SLOW:
            found.append(_slow(fault))
        yield _together(found)


def _by_tests(fault: Fault) -> Report:
    began = time.monotonic()
    done = _pytest([*fault.tests, "-p", "tests.chaos.plugin_audit"])
    took = time.monotonic() - began
    words = done.stdout.strip().splitlines()
    if done.returncode != 0:
        return failed(fault, "\n".join(words[-12:]) or done.stderr[-800:], took, None)
    return Report(fault.number, fault.fault, fault.expected, Outcome.PASSED, f"tests: {words[-1]}", took, 0, "clean")


def _quick(fault: Fault) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report"
        done = _pytest(["tests/chaos/test_chaos_quick.py", "-k", f"row{fault.number}]"], {FILE: str(path)})
        found = kept(path)
    return found[0] if found else failed(fault, (done.stdout + done.stderr)[-800:], 0, None)


def _slow(fault: Fault) -> Report:
    from tests.chaos.site import open_site

    assert fault.function is not None
    began = time.monotonic()
    try:
        with open_site(fault.env) as site:
            seen = fault.function(site)
            return judged(fault, seen, site.audit())
    except Skipped as reason:
        return skipped(fault, str(reason))
    except Exception as problem:
        return failed(fault, f"{type(problem).__name__}: {problem}", time.monotonic() - began, None)


def _together(found: Sequence[Report]) -> Report:
    worst = next((report for report in found if report.outcome is Outcome.FAILED), found[-1])
    if worst.outcome is Outcome.FAILED or len(found) == 1:
        return worst
    return Report(**{**worst.__dict__, "seen": "; ".join(report.seen for report in found)})


def _pytest(argv: Sequence[str], env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--tb=short", *argv]
    told = {**os.environ, **(env or {})}
    return subprocess.run(
        command, cwd=ROOT, env=told, capture_output=True, text=True, check=False, timeout=TESTS_SECONDS
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
