"""The Celery application: two queues, `control` for sweeps and housekeeping, `runs` for starting runs on a host."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("everbeat")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _our_logging(**_: object) -> None:
    """Keep Celery from replacing the log configuration of `config.logs`."""
