"""What a process loads at start. Workers, the clock and the supervisor serve no pages and must not pay for them."""

from __future__ import annotations

import os
import subprocess
import sys

from config.env import BASE_DIR

_PROGRAM = """
import sys
import django
django.setup()
print([name for name in sys.modules if name.startswith(("agents.admin", "issues.admin", "heartbeats.admin"))])
"""


def test_the_admin_is_loaded_with_the_addresses_only() -> None:
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _PROGRAM],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
    )
    assert said.stdout.strip() == "[]"
