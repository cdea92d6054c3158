"""Settings. Everything an operator may change is an environment variable, listed in docs/settings.md."""

from __future__ import annotations

import os

import dj_database_url
from csp.constants import NONE, SELF

from ml import DEFAULT_MODEL as SHIPPED_MODEL
from ml import NOTICE as NOTICE
from ml.decoding.limits import MAX_PIXELS, MEGAPIXEL
from screening.config import capacity, servers, storages
from screening.config.cores import count_cores
from screening.config.environment import (
    find_endpoint,
    instance_dir,
    read_flag,
    read_list,
    read_number,
    read_secret,
    read_secret_key,
    read_share,
)
from screening.config.limits import DEFAULT_CHUNK_SECONDS
from screening.config.log_records import install_log_records

MIB = 1024 * 1024

DEBUG = read_flag("DJANGO_DEBUG")
SECRET_KEY = read_secret_key()
ALLOWED_HOSTS = read_list("DJANGO_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = read_list("DJANGO_CSRF_TRUSTED_ORIGINS", "")

INSTALLED_APPS = [
    "screening",  # before the admin, whose base template it extends
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "dashboard",
]

MIDDLEWARE = [
    "screening.health.ProbeMiddleware",  # before anything that looks at the host name
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "dashboard.body_limits.body_limits",  # before the CSRF check, which reads bodies
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",  # closed unless a view says otherwise
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "screening.config.urls"
WSGI_APPLICATION = "screening.config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.notice",
            ]
        },
    }
]

DATABASES = {
    "default": {
        **dj_database_url.parse(
            find_endpoint(servers.database_url(), "database_url", "postgres://screening@127.0.0.1:5432/screening"),
            conn_max_age=60,
            conn_health_checks=True,
        ),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = find_endpoint(servers.redis_url(), "redis_url", "redis://127.0.0.1:6379/0")

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = os.environ.get("STATIC_ROOT") or None  # only where a collect step is wanted, as in the image
# Static files come straight from the packages that ship them; no collect step stands before a first start.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

MEDIA_ROOT = instance_dir() / "media"
MEDIA_URL = ""  # films are served by views that check rights, never by path
STORAGES = storages.storage_settings()
SERVE_ACCEL_PREFIX = storages.read_accel_prefix()
SERVE_PRESIGNED = storages.read_presigned()
FSYNC = read_flag("FSYNC", True)  # wait for the disk before a row says that bytes are there
UPLOAD_SPOOL = instance_dir() / "spool"  # uploads on their way: on the volume that keeps them, not in memory
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "screening.storage.spool.SpoolHandler",
]
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

# Security. TLS ends at a proxy where there is one; it says so with DJANGO_HTTPS.
HTTPS = read_flag("DJANGO_HTTPS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
CSRF_FAILURE_VIEW = "dashboard.errors.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": storages.picture_origins(),
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "screening.api.auth.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": [
        "screening.api.parsers.BoundedJsonParser",
        "rest_framework.parsers.FormParser",
        "screening.api.parsers.UploadParser",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "screening.api.pagination.Pages",
    "DEFAULT_SCHEMA_CLASS": "screening.api.schema.ErrorSchema",
    "EXCEPTION_HANDLER": "screening.api.errors.handle_error",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Chest X-ray screening",
    "DESCRIPTION": "Submit batches of chest X-rays and poll their results. "
    "For research and education only; not a diagnostic device.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},  # by default it sends the schema outside
    "ENUM_NAME_OVERRIDES": {
        "FilmState": "screening.models.Film.State",
        "ErrorCode": "screening.codes.tables.REQUEST_CHOICES",
    },
}

# Uploads. One request carries one file from the browser and many from a plain form.
MAX_FILE_BYTES = read_number("MAX_FILE_BYTES", 64 * MIB)
# Declared; detectors give about 20. A worker takes up to 17 bytes a pixel (colour with transparency), else 4 to 13.
MAX_MEGAPIXELS = read_number("MAX_MEGAPIXELS", MAX_PIXELS // MEGAPIXEL)
MAX_ARCHIVE_BYTES = read_number("MAX_ARCHIVE_BYTES", 4096 * MIB)
MAX_ARCHIVE_MEMBERS = read_number("MAX_ARCHIVE_MEMBERS", 20_000)
MAX_UNPACKED_BYTES = read_number("MAX_UNPACKED_BYTES", 16_384 * MIB)
MAX_ARCHIVE_RATIO = read_number("MAX_ARCHIVE_RATIO", 200)  # unpacked by packed; a black film packs to about 1/100
KEEP_ORIGINALS = read_flag("KEEP_ORIGINALS")  # also keep the uploaded bytes, with what identifies a person
PSEUDONYM_KEY = read_secret("PSEUDONYM_KEY") or SECRET_KEY  # changing it breaks the grouping by patient
# What each user may have; an administrator can set other limits for one user.
QUOTA_BYTES = read_number("QUOTA_BYTES", 1_048_576 * MIB)
QUOTA_FILES = read_number("QUOTA_FILES", 1_000_000)
QUOTA_OPEN_BATCHES = read_number("QUOTA_OPEN_BATCHES", 100)
DATA_UPLOAD_MAX_NUMBER_FILES = read_number("MAX_FILES_A_REQUEST", 1000)
MAX_REQUEST_BYTES = read_number("MAX_REQUEST_BYTES", 16_384 * MIB)  # of all files of one request
# Form fields only, of which each file may have one, its path; files go to disk.
DATA_UPLOAD_MAX_NUMBER_FIELDS = DATA_UPLOAD_MAX_NUMBER_FILES + 1000
DATA_UPLOAD_MAX_MEMORY_SIZE = max(2 * MIB, DATA_UPLOAD_MAX_NUMBER_FILES * 2048)

# Screening. Times are seconds; all of Celery's and the lease follow from CHUNK_SECONDS (config/celery.py).
_memory = capacity.available_memory()
WORKER_PROCESSES = read_number("WORKER_PROCESSES", capacity.default_processes(count_cores(), _memory), least=1)
# How finely the end of a batch is cut: here the web process's own memory, which may be less, says nothing.
CUT_FOR_PROCESSES = read_number("WORKER_PROCESSES", count_cores(), least=1)
WORKER_THREADS = read_number("WORKER_THREADS", 1, least=1)  # of the network's arithmetic, in each process
# Decode while the network runs: where a process has more than one core to itself.
WORKER_OVERLAP = read_flag("WORKER_OVERLAP", default=count_cores() > WORKER_PROCESSES)
# Of each process, 0: no limit; more fails its film.
WORKER_MEMORY_MB = read_number("WORKER_MEMORY_MB", capacity.default_memory(WORKER_PROCESSES, _memory), least=0)
CHUNK_FILMS = read_number("CHUNK_FILMS", 32)
CHUNK_MEGAPIXELS = read_number("CHUNK_MEGAPIXELS", 128)  # a chunk ends here if it is not full before
CHUNK_SECONDS = read_number("CHUNK_SECONDS", DEFAULT_CHUNK_SECONDS)
SWEEP_SECONDS = read_number("SWEEP_SECONDS", 15)
SMALL_BATCH_FILMS = read_number("SMALL_BATCH_FILMS", 32)
MAX_ATTEMPTS = 3
AUDIT_SAMPLE = read_share("AUDIT_SAMPLE", 0.05)  # share of the unflagged films that are reviewed, too
DEFAULT_MODEL = os.environ.get("SCREENING_MODEL") or SHIPPED_MODEL

# Reading. A reader's claim on a film is renewed while its page is open.
READING_CLAIM_SECONDS = read_number("READING_CLAIM_SECONDS", 600)
READING_BLINDED = read_flag("READING_BLINDED", True)  # hide score and decision until the verdict; readers can switch
READINGS_NEEDED = read_number("READINGS_NEEDED", 1)  # of each film, by different readers: 1 or 2
DOUBLE_READING_SHARE = read_share(
    "DOUBLE_READING_SHARE", 0.1
)  # of films read by two readers although READINGS_NEEDED is 1
GOLD_SHARE = read_share("GOLD_SHARE", 0.05)  # of the films offered to a reader that are hidden gold cases

install_log_records()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    # Anybody can send a wrong Host header, and each would log a traceback. The answer says what to set.
    "loggers": {"django.security.DisallowedHost": {"level": "CRITICAL"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL") or "INFO"},
}
