"""The synchronous face: pages, REST, admin."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import config.celery  # noqa: F401  (after-commit messages need the configured app)

application = get_wsgi_application()
