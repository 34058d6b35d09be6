"""Small JSON records in the run directory, written so that a reader sees the old one, the new one, or none."""

from __future__ import annotations

import os

from heartbeats.execution.shim_parts import wire

TYPE_CHECKING = False  # the typing module would cost more than all the rest of the start
if TYPE_CHECKING:
    from collections.abc import Mapping

RESERVED_BYTES = 4096


def write_record(run_dir: str, name: str, record: Mapping[str, object]) -> None:
    """Write `name` by temporary file, fsync and rename. Raises OSError; then the old record, if any, is unchanged."""
    temporary = f"{run_dir}/.{name}.tmp"
    fd = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        wire.write_all(fd, wire.dumps(record).encode("utf-8", "replace"))
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(temporary, f"{run_dir}/{name}")


def reserve(run_dir: str, name: str) -> None:
    """Set disk blocks aside for a record that must be writable on a full disk. Raises OSError."""
    fd = os.open(f"{run_dir}/.{name}.reserve", os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        wire.write_all(fd, b" " * RESERVED_BYTES)
    finally:
        os.close(fd)


def write_reserved(run_dir: str, name: str, record: Mapping[str, object]) -> None:
    """Like `write_record`, into the blocks set aside by `reserve`. Padding is white space, so it stays valid JSON."""
    reserved = f"{run_dir}/.{name}.reserve"
    fd = os.open(reserved, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        wire.write_all(fd, wire.dumps(record).encode("utf-8", "replace").ljust(RESERVED_BYTES))
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(reserved, f"{run_dir}/{name}")


def discard(run_dir: str, *names: str) -> None:
    """Remove files that may or may not be there."""
    for name in names:
        try:
            os.unlink(f"{run_dir}/{name}")
        except OSError:
            continue
