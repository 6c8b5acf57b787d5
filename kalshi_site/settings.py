"""All settings; every one that may differ between machines is read from the environment here, and fails loudly."""

import os
import warnings
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from kalshi_site import embedded_redis, environment

BASE_DIR = Path(__file__).resolve().parent.parent
environment.load_file(Path(os.environ.get("BOT_ENV_FILE", BASE_DIR / ".env")))

BOT_HOME = environment.private_folder(environment.folder("BOT_HOME", BASE_DIR / "var"))
TAPES_DIR = environment.private_folder(BOT_HOME / "tapes")
RECORDED_DATA = environment.folder("RECORDED_DATA", BASE_DIR.parent / "shared" / "data")

# --- the market, in a file of its own -----------------------------------------------------------------------------

from kalshi_site.market_settings import (  # noqa: E402
    ACCOUNT,
    DEMO_SEED,
    KALSHI_ENV,
    KALSHI_REST_URL,
    KALSHI_WS_URL,
    MARKET,
    ORDERS,
    PAPER_CAPITAL,
    PAPER_REALISM,
    SERIES,
    SIGNAL_ROWS,
    SPEED,
    TAPE,
    TAPES_MAX_GB,
    VENUES,
)

# What may not be removed to make room for new tapes: trading does not know who reads them.
PROTECTED_TAPES = "backtests.selectors.tapes_in_use"

# --- Django -----------------------------------------------------------------------------------------------------

SECRET_KEY = environment.text("SECRET_KEY", "") or environment.secret_from_file(BOT_HOME / "secret_key")
DEBUG = environment.flag("DEBUG", False)
PORT = environment.integer("PORT", 8000, least=1, most=65535)
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS", "")

INSTALLED_APPS = [
    "kalshi_site",
    "dashboard",
    "backtests",
    "trading",
    "markets",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "axes",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",  # last, as its documentation asks
]

ROOT_URLCONF = "kalshi_site.urls"
ASGI_APPLICATION = "kalshi_site.asgi.application"

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
                "dashboard.context.banner",
            ],
        },
    },
]

USE_TZ = True  # and UTC everywhere
TIME_ZONE = CELERY_TIMEZONE = "UTC"
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- database and Redis -----------------------------------------------------------------------------------------


def database() -> dict[str, Any]:
    """What DATABASE_URL names, else SQLite in BOT_HOME; SQLite in WAL mode, its transactions begun as writers."""
    url = environment.text("DATABASE_URL", f"sqlite:///{BOT_HOME / 'db.sqlite3'}")
    try:
        with warnings.catch_warnings(action="ignore"):  # what it warns of is refused below
            config: dict[str, Any] = environ.Env.db_url_config(url)
    except (ValueError, ImproperlyConfigured):
        config = {}
    engine = config.get("ENGINE", "")
    if engine == "django.db.backends.sqlite3":
        # A read that turns into a write fails at once under DEFERRED; IMMEDIATE waits its turn.
        pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
        options = {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": pragmas}
        # A file for the tests too: threads on a database in memory meet "table is locked", which no timeout waits for.
        return config | {"OPTIONS": options, "TEST": {"NAME": str(BOT_HOME / "test.sqlite3")}}
    if engine == "django.db.backends.postgresql":
        return config | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    raise ImproperlyConfigured(
        "DATABASE_URL is not usable; set it to sqlite:///PATH or postgres://USER:PASSWORD@HOST/NAME."
    )


DATABASES = {"default": database()}

REDIS_URL = environment.text("REDIS_URL", embedded_redis.url(BOT_HOME))
if not REDIS_URL.startswith(("redis://", "rediss://", "unix://", "memory://")):
    raise ImproperlyConfigured("REDIS_URL is not usable; set it to redis://HOST:PORT/0 or unix:///PATH.")

LAYER_OF_ONE = {"BACKEND": "channels.layers.InMemoryChannelLayer"}  # for a trader alone in a terminal
LAYER = {
    "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
    # No read timeout: an idle consumer waits for as long as nothing happens.
    "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}]},
}
CHANNEL_LAYERS = {"default": LAYER_OF_ONE if REDIS_URL == "memory://" else LAYER}

# kombu's own word for a unix socket
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_RESULT_BACKEND = CELERY_BROKER_URL
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True  # results belong into our own rows
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 6 * 3600
CELERY_TASK_SOFT_TIME_LIMIT = CELERY_TASK_TIME_LIMIT - 60
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 2 * CELERY_TASK_TIME_LIMIT}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = CELERY_BROKER_TRANSPORT_OPTIONS
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
WORKERS = environment.integer("WORKERS", 2, least=1, most=64)  # processes of the Celery worker that `up` starts
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 50

# --- who may do what --------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"

AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_DISABLE_ACCESS_LOG = True  # failures count and lock; a row for each good login of a program would only pile up

HTTPS = environment.flag("HTTPS", False)  # behind a proxy that ends TLS and sets X-Forwarded-Proto
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    },
}

# --- the API ----------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 100,
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {"anon": "60/min", "user": "1200/min"},
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
REST_KNOX = {
    "TOKEN_TTL": environment.token_life("API_TOKEN_DAYS", 30),
    "AUTO_REFRESH": False,
    "TOKEN_LIMIT_PER_USER": 20,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Kalshi Latency Bot",
    "DESCRIPTION": "Status, prices, markets, signals, orders, fills, positions and backtests. Money is dollars, prices are "
    'dollars a YES contract, counts are contracts: exact, as decimal text such as "15.047200". Times are RFC 3339 in UTC. '
    "What is unknown is null, never 0.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "ENUM_NAME_OVERRIDES": {
        "MarketStatusEnum": "markets.models.Market.Status",
        "MarketResultEnum": "markets.models.Market.Result",
        "OrderStatusEnum": "trading.models.Order.Status",
        "TapeJobStatusEnum": "markets.models.TapeJob.Status",
        "TapeJobKindEnum": "markets.models.TapeJob.Kind",
        "RunStatusEnum": "backtests.models.BacktestRun.Status",
        "StudyKindEnum": "backtests.study_models.Study.Kind",
        "YesNoEnum": "trading.models.account.RESULTS",
        "ModeEnum": "trading.models.session.MODE_CHOICES",
        "PolicyEnum": "trading.models.session.POLICY_CHOICES",
    },
}

# --- static files and logs --------------------------------------------------------------------------------------

STATIC_URL = "/static/"
ARTEFACT_STORAGE = environment.text("ARTEFACT_STORAGE", "django.core.files.storage.FileSystemStorage")  # for studies
ARTEFACT_OPTIONS = environment.json_object("ARTEFACT_OPTIONS") or {"location": str(BOT_HOME / "artefacts")}
STUDY_SILENT_S = environment.number("STUDY_SILENT_S", 120.0, least=1.0, most=3600.0)  # a silent part goes to another
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "artefacts": {"BACKEND": ARTEFACT_STORAGE, "OPTIONS": ARTEFACT_OPTIONS},
}

TAPE_UPLOAD_MAX_MB = environment.integer("TAPE_UPLOAD_MAX_MB", 500, least=1, most=100_000)  # of one tape's file

STATIC_ROOT = None  # whitenoise serves them from the apps: nothing to collect, nothing to forget
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
LOG_LEVEL = environment.choice("LOG_LEVEL", "info", among=("debug", "info", "warning", "error")).upper()
LINE = "{asctime} {levelname} {name}: {message}"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "kalshi_site.logs.UtcFormatter", "format": LINE, "style": "{"},
    },
    "filters": {"not_health": {"()": "kalshi_site.logs.NotHealth"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "django.request": {"filters": ["not_health"]},
        "axes": {"level": "WARNING"},
        "channels_redis": {"level": "CRITICAL"},  # a traceback a second while Redis is away; we say it once ourselves
        "celery": {"level": "WARNING"},  # two lines a task otherwise, every ten seconds
        "websockets": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING"},
    },
}
