"""Django's settings. Values that differ between installations come through `config.env`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import django_stubs_ext
from django.templatetags.static import static

from config import env, logs
from recovery.schedule import beat_entries

django_stubs_ext.monkeypatch()  # Django's generic classes take their type parameters at run time too

BASE_DIR = env.BASE_DIR
STATE_DIR = env.state_dir()
DEBUG = env.flag("EVERBEAT_DEBUG", default=False)
TIMINGS = env.timings()


def _secret_key() -> str:
    """The installation's secret: from the environment, else made once and kept where only its owner can read it."""
    given = env.text("EVERBEAT_SECRET_KEY")
    if given:
        return given
    path = STATE_DIR / "secret_key"
    STATE_DIR.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="utf-8")
    with open(handle, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text(encoding="utf-8")


SECRET_KEY = _secret_key()
PORT = env.whole("EVERBEAT_PORT", 3100, least=1, most=65535)
LIVE_PORT = env.whole("EVERBEAT_LIVE_PORT", 3101, least=1, most=65535)
PUBLIC_URL = env.text("EVERBEAT_PUBLIC_URL") or f"http://localhost:{PORT}"
LIVE_URL = env.text("EVERBEAT_LIVE_URL")
API_URL = env.text("EVERBEAT_API_URL") or f"http://127.0.0.1:{PORT}"
ALLOWED_HOSTS = env.words(
    "EVERBEAT_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]", urlsplit(PUBLIC_URL).hostname or "")
)
CSRF_TRUSTED_ORIGINS = sorted({PUBLIC_URL, f"http://localhost:{PORT}", f"http://127.0.0.1:{PORT}"})

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin.apps.SimpleAdminConfig",  # config.urls discovers: only the process that serves pages pays
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "channels",
    "django_structlog",
    "config",
    "agents",
    "issues",
    "heartbeats",
    "recovery",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.security.ContentSecurityPolicy",
    "heartbeats.intake.front_door.FrontDoor",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
AUTH_USER_MODEL = "agents.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "board"
LOGOUT_REDIRECT_URL = "login"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 2**20

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = STATE_DIR / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG


def _database(url: str) -> dict[str, Any]:
    """One PostgreSQL, reached through Django's psycopg pool (2.5 times the throughput of a connection a request)."""
    parts = urlsplit(url)
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    socket_dir = unquote(query["host"]) if "host" in query else ""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "everbeat",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": socket_dir or parts.hostname or "",
        "PORT": str(parts.port or query.get("port", "")),
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 0,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {
            "pool": {
                "min_size": env.whole("EVERBEAT_DB_POOL_MIN", 1),
                "max_size": env.whole("EVERBEAT_DB_POOL_MAX", 16, least=1),
                "timeout": 3.0,
                # The pauses between attempts double until this: after a long outage the next one must not be far away.
                "reconnect_timeout": 4.0,
            },
            "server_side_binding": True,
            "prepare_threshold": 3,
            "application_name": env.text("EVERBEAT_PROCESS", "everbeat"),
            "options": f"-c lock_timeout={env.whole('EVERBEAT_LOCK_TIMEOUT_MS', 10_000)}"
            f" -c statement_timeout={env.whole('EVERBEAT_STATEMENT_TIMEOUT_MS', 30_000)}"
            " -c idle_in_transaction_session_timeout=60000",
        },
    }


DATABASES = {"default": _database(env.service_url("DATABASE_URL", {"postgres", "postgresql"}))}
REDIS_URL = env.service_url("REDIS_URL", {"redis", "rediss", "unix"})

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "everbeat"},
    }
}

# The database is the queue; Celery rings the doorbell. Short idempotent tasks, redelivered when a worker dies.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1) if REDIS_URL.startswith("unix") else REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": env.whole("EVERBEAT_VISIBILITY_TIMEOUT_SEC", 60, least=5),
    "socket_timeout": 5,
    "socket_connect_timeout": 1,
    "global_keyprefix": "everbeat:",
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_BEAT_SCHEDULE = beat_entries(TIMINGS)

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["config.common.wire.camel.CamelCaseJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.common.wire.camel.CamelCaseJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "config.documented_routes.NamedOperations",
    "EXCEPTION_HANDLER": "config.common.wire.envelope.api_exception_handler",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_AUTHENTICATION_CLASSES": ["agents.api.authentication.ActorAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["agents.api.permissions.IsActor"],
}

SPECTACULAR_SETTINGS = {
    "DEFAULT_GENERATOR_CLASS": "config.documented_routes.DocumentedRoutes",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.documented_routes.complete",
    ],
    "ENUM_NAME_OVERRIDES": {"IssueStatusEnum": "issues.api.bodies.STATUSES"},
    "TITLE": "Everbeat",
    "DESCRIPTION": "A control plane for fleets of agents.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

UNFOLD = {
    "SITE_TITLE": "Everbeat",
    "SITE_HEADER": "Everbeat",
    "SITE_SYMBOL": "ecg_heart",
    "SITE_URL": "/",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": True,
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "#eff5fd",
            "100": "#dbe8fb",
            "200": "#bcd5f7",
            "300": "#8fbaf1",
            "400": "#6ba2ee",
            "500": "#4a8cea",
            "600": "#1d5fc4",
            "700": "#1a4fa3",
            "800": "#1a4385",
            "900": "#1a396c",
            "950": "#132546",
        },
    },
    "STYLES": [lambda _request: static("css/admin.css")],
    "SCRIPTS": [lambda _request: static("js/admin.js")],
    "DASHBOARD_CALLBACK": "config.admin.dashboard.dashboard",
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": "config.admin.navigation.groups",
    },
}

METRICS_TOKEN = env.text("EVERBEAT_METRICS_TOKEN")
HOST_ID = env.host_id()
HOST_LABELS = env.words("EVERBEAT_HOST_LABELS")
HOST_CAPACITY = env.whole("EVERBEAT_HOST_CAPACITY", 64, least=1)
RUNS_DIR = Path(env.text("EVERBEAT_RUNS_DIR") or STATE_DIR / "runs")
AGENT_HOMES_DIR = Path(env.text("EVERBEAT_AGENT_HOMES_DIR") or STATE_DIR / "agents")
WORKSPACES_DIR = Path(env.text("EVERBEAT_WORKSPACES_DIR") or STATE_DIR / "workspaces")
RUN_TOKEN_TTL_SEC = env.whole("EVERBEAT_RUN_TOKEN_TTL_SEC", 172_800, least=60)
RUN_TOKEN_GRACE_SEC = env.whole("EVERBEAT_RUN_TOKEN_GRACE_SEC", 300)
RUN_LOG_MAX_BYTES = env.whole("EVERBEAT_RUN_LOG_MAX_BYTES", 64 * 2**20, least=65_536, most=2**40)
RUN_DEADMAN_SEC = env.number("EVERBEAT_DEADMAN_SEC", 0)
# Calls of one agent key per second, in each API process; 0 is no limit. A heartbeat comes every fifteen seconds.
AGENT_RATE_PER_SEC = env.number("EVERBEAT_AGENT_RATE_PER_SEC", 50, most=1e6)
AGENT_RATE_BURST = env.number("EVERBEAT_AGENT_RATE_BURST", 100, least=1, most=1e6)
AUTOMATIC_RUNS_PER_ISSUE = env.whole("EVERBEAT_AUTOMATIC_RUNS_PER_ISSUE", 8, least=1)

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = _HTTPS
CSRF_COOKIE_SECURE = _HTTPS
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = env.whole("EVERBEAT_HSTS_SECONDS", 31_536_000 if _HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = _HTTPS
SECURE_HSTS_PRELOAD = _HTTPS
# Plain http on one machine is a supported way to run; TLS ends at the proxy of larger installations.
SILENCED_SYSTEM_CHECKS = (
    ["security.W008"] if _HTTPS else ["security.W004", "security.W008", "security.W012", "security.W016"]
)

DJANGO_STRUCTLOG_CELERY_ENABLED = False
LOGGING_CONFIG = None
LOG_LEVEL = env.text("EVERBEAT_LOG_LEVEL", "INFO").upper()
logs.configure(LOG_LEVEL)
