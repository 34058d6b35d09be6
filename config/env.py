"""Every setting that comes from the environment, read once, typed, and refused by name when it is wrong."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent


class BadSetting(SystemExit):
    """A setting has a value that cannot work. Stops the start and names the variable."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")


def text(name: str, default: str = "") -> str:
    """The variable, or the content of the file that `NAME_FILE` points to (container secrets)."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as problem:
            raise BadSetting(f"{name}_FILE", f"cannot be read: {problem.strerror}") from problem
    return os.environ.get(name, default)


def number(name: str, default: float, *, least: float = 0, most: float = float("inf")) -> float:
    """A number within its bounds."""
    raw = text(name)
    if not raw:
        return default
    try:
        value = float(raw)
    except ValueError:
        raise BadSetting(name, f"{raw!r} is not a number") from None
    if not least <= value <= most:
        raise BadSetting(name, f"{raw} is not between {least:g} and {most:g}")
    return value


def whole(name: str, default: int, *, least: int = 0, most: int = 2**31 - 1) -> int:
    """A whole number within its bounds."""
    value = number(name, default, least=least, most=most)
    if value != int(value):
        raise BadSetting(name, f"{value} is not a whole number")
    return int(value)


def flag(name: str, *, default: bool) -> bool:
    """`1/true/yes/on` or `0/false/no/off`."""
    raw = text(name).strip().lower()
    if not raw:
        return default
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise BadSetting(name, f"{raw!r} is neither true nor false")


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A list separated by commas."""
    raw = text(name)
    return [word.strip() for word in raw.split(",") if word.strip()] if raw else list(default)


def service_url(name: str, schemes: set[str]) -> str:
    """The address of a server that Everbeat cannot run without."""
    raw = text(name)
    if not raw:
        raise BadSetting(name, "is not set. `make up` starts embedded servers and sets it; see README, several hosts")
    if urlsplit(raw).scheme not in schemes:
        raise BadSetting(name, f"must begin with one of {', '.join(sorted(schemes))}://")
    return raw


def state_dir() -> Path:
    """Where this host keeps run directories, logs and, on one machine, the embedded servers' data."""
    return Path(text("EVERBEAT_STATE_DIR") or BASE_DIR / ".everbeat").resolve()


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds that the rules of spec/6 section 2 count with. `config.checks` refuses nonsense among them."""

    lease: float
    renew_every: float
    self_stop_before: float
    sweep_every: float
    reconcile_every: float
    watch_every: float
    silence_after: float


def timings() -> Timings:
    """Read the timings; each can be shortened, which the fault tests do."""
    lease = number("EVERBEAT_LEASE_SEC", 60, least=1)
    return Timings(
        lease=lease,
        renew_every=number("EVERBEAT_RENEW_SEC", lease / 4, least=0.1),
        self_stop_before=number("EVERBEAT_SELF_STOP_MARGIN_SEC", lease / 4, least=0.1),
        sweep_every=number("EVERBEAT_SWEEP_SEC", 5, least=0.1),
        reconcile_every=number("EVERBEAT_RECONCILE_SEC", 30, least=0.1),
        watch_every=number("EVERBEAT_WATCH_SEC", 60, least=0.1),
        silence_after=number("EVERBEAT_AGENT_SILENCE_SEC", 300, least=1),
    )


def host_id() -> str:
    """The name under which this host claims runs. Two hosts must differ; `hostname` does by default."""
    return text("EVERBEAT_HOST_ID") or socket.gethostname()
