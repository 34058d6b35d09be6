"""`/metrics` for Prometheus: gauges read from the database at each scrape, beside the process's own counters."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

# One statement, every part an index scan over rows that need action: the cost does not follow history.
_FIGURES = """
select 'runs', status, count(*)::float from heartbeats_heartbeatrun
    where status in ('queued', 'running', 'scheduled_retry') group by status
union all
select 'stopping', '', count(*) from heartbeats_heartbeatrun where process_stopping
union all
select 'oldest_queued_seconds', '', coalesce(extract(epoch from now() - min(created_at)), 0)
    from heartbeats_heartbeatrun where status = 'queued'
union all
select 'deferred_wakeups', '', count(*) from heartbeats_wakeuprequest where status = 'deferred_issue_execution'
union all
select 'sweep_age_seconds', sweep, extract(epoch from now() - last_succeeded_at)
    from recovery_sweepstate where enabled and last_succeeded_at is not null
union all
select 'host_age_seconds', name, extract(epoch from now() - last_seen_at) from heartbeats_host
union all
select 'error_groups_open', severity, count(*) from agents_errorgroup where state = 'open' group by severity
union all
select 'live_events_unsent', '', count(*) from agents_liveevent where seq is null
union all
select 'audit_violations', '', failed from (select failed from recovery_sweeprun
    where sweep = 'audit' and outcome = 'done' and not dry_run order by started_at desc limit 1) newest
union all
select 'poison_rows', sweep, count(*) from recovery_poisonrow group by sweep
"""

_GAUGES = {
    "runs": ("everbeat_runs", "Live runs by status.", "status"),
    "stopping": ("everbeat_runs_stopping", "Cancelled runs whose process is still being stopped.", ""),
    "oldest_queued_seconds": ("everbeat_oldest_queued_seconds", "Age of the oldest queued run.", ""),
    "deferred_wakeups": ("everbeat_wakeups_deferred", "Wakeups that wait for an issue's live run.", ""),
    "sweep_age_seconds": ("everbeat_sweep_age_seconds", "Seconds since a sweep last succeeded.", "sweep"),
    "host_age_seconds": ("everbeat_host_age_seconds", "Seconds since a host's supervisor reported.", "host"),
    "error_groups_open": ("everbeat_error_groups_open", "Open error groups by severity.", "severity"),
    "live_events_unsent": ("everbeat_live_events_unsent", "Committed live events that no relay has taken.", ""),
    "audit_violations": (
        "everbeat_audit_violations",
        "Rows that broke an invariant at the last audit; absent before the first.",
        "",
    ),
    "poison_rows": ("everbeat_poison_rows", "Rows that made a sweep raise, by sweep.", "sweep"),
}


class DatabaseGauges:
    """A collector that asks the database; nothing but `everbeat_database_up 0` while that is away."""

    def collect(self) -> Iterator[Metric]:
        """Read once, then give each gauge."""
        try:
            with connection.cursor() as cursor:
                cursor.execute(_FIGURES)
                rows = cursor.fetchall()
        except DatabaseError:
            yield GaugeMetricFamily("everbeat_database_up", "Whether PostgreSQL answers.", value=0)
            return
        yield GaugeMetricFamily("everbeat_database_up", "Whether PostgreSQL answers.", value=1)
        for key, (name, text, label) in _GAUGES.items():
            gauge = GaugeMetricFamily(name, text, labels=[label] if label else [])
            for kind, value, figure in rows:
                if kind == key:
                    gauge.add_metric([value] if label else [], figure)
            yield gauge


_database_registry = CollectorRegistry()
_database_registry.register(DatabaseGauges())


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The scrape. With EVERBEAT_METRICS_TOKEN set, only for its bearer."""
    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and not hmac.compare_digest(given.encode(), token.encode()):
        return HttpResponse(
            "metrics need the bearer of EVERBEAT_METRICS_TOKEN\n", status=401, content_type="text/plain"
        )
    body = generate_latest(_database_registry) + generate_latest(REGISTRY)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)
