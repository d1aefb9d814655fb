"""Django settings for PetSage; https://docs.djangoproject.com/en/5.2/ref/settings/."""

from pathlib import Path
from typing import Any

from petsage_project import environment
from petsage_project.log import JsonFormatter, without_traceback
from smoke_test import __version__

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = environment.boolean("DJANGO_DEBUG", default=False)

# No default: nothing signs anything yet, and `check --deploy` rejects a deployment without one.
# Django's debug pages need one; any value will do.
SECRET_KEY = environment.secret(
    "DJANGO_SECRET_KEY", default="django-insecure-debug" if DEBUG else ""
)

ALLOWED_HOSTS = environment.hosts(
    "DJANGO_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"]
)

# The build; every response has it in its X-PetSage-Release header.
PETSAGE_RELEASE = environment.release("PETSAGE_RELEASE", default="unknown")

# Only where nothing but nginx can reach the app, because nginx overwrites the header. Elsewhere
# clients can forge it.
if environment.boolean("DJANGO_TRUST_X_FORWARDED_PROTO", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


# Application definition

INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "smoke_test",
]

MIDDLEWARE = [
    # Outermost, so that responses from other middleware have its headers too.
    "smoke_test.middleware.AnswerHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "petsage_project.middleware.PagePolicyMiddleware",
    "petsage_project.middleware.CommonMiddleware",
]

ROOT_URLCONF = "petsage_project.urls"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "petsage_project" / "templates"],
        "APP_DIRS": True,
    }
]

WSGI_APPLICATION = "petsage_project.wsgi.application"


# No database: see docs/decisions.md.

DATABASES: dict[str, dict[str, Any]] = {}


# Internationalization

LANGUAGE_CODE = "en-us"

# Explicit: Django's own default is America/Chicago.
TIME_ZONE = "UTC"

USE_I18N = False

USE_TZ = True


# Static files, collected by `make run` and served by the app server or nginx

STATIC_URL = "/static/"

STATICFILES_DIRS = [BASE_DIR / "petsage_project" / "static"]

STATIC_ROOT = BASE_DIR / "var" / "static"

STORAGES = {
    "staticfiles": {"BACKEND": "petsage_project.storage.DigestStaticFilesStorage"},
}


# Logging: to standard error, in production too, where Django's default is silent. nginx logs
# responses below 500; frequent health checks must not fill this log.

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "filters": {
        "without_traceback": {
            "()": "django.utils.log.CallbackFilter",
            "callback": without_traceback,
        },
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"filters": ["without_traceback"]},
    },
}

# For deployments without nginx, which would log them.
if environment.boolean("DJANGO_LOG_FAILURES", default=False):
    LOGGING["formatters"]["json"] = {"()": JsonFormatter}
    LOGGING["handlers"]["stdout"] = {
        "class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"
    }  # fmt: skip
    for name in ("django.request", "django.security"):
        LOGGING["loggers"][name] = {"handlers": ["stdout"], "propagate": False}


# Security

SECURE_REFERRER_POLICY = "same-origin"

SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

X_FRAME_OPTIONS = "DENY"

# For pages, in the format of Django 6.0's setting of this name. Swagger UI's page adds to it.
SECURE_CSP = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
}

PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"

SILENCED_SYSTEM_CHECKS = [
    # CsrfViewMiddleware is absent: there is no session, login or form to protect, and it would set
    # a cookie on the page.
    "security.W003",
    # nginx terminates TLS, so it sends HSTS and the redirect to https. Django would respond 301 to
    # a load balancer that uses plain http.
    "security.W004",
    "security.W008",
]


# Django REST framework, https://www.django-rest-framework.org/api-guide/settings/

REST_FRAMEWORK: dict[str, Any] = {
    # DRF's own defaults need the auth and session apps, and a database behind them.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "smoke_test.negotiation.AcceptNegotiation",
    "DEFAULT_SCHEMA_CLASS": "petsage_project.schema.AutoSchema",
}


# drf-spectacular, https://drf-spectacular.readthedocs.io/en/latest/settings.html

SPECTACULAR_SETTINGS = {
    "TITLE": "PetSage API",
    "DESCRIPTION": "Intelligent care for your beloved pets.",
    "VERSION": __version__,
    "SERVE_INCLUDE_SCHEMA": False,
    "TAGS": [{"name": "Health & Status", "description": "Is PetSage up, and which build?"}],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    # From the sidecar, not from a CDN: the page works offline.
    "SWAGGER_UI_DIST": "SIDECAR",
    # Deep links are links inside buttons, which keyboards and screen readers cannot use.
    "SWAGGER_UI_SETTINGS": {"deepLinking": False},
    "SWAGGER_UI_FAVICON_HREF": f"{STATIC_URL}petsage/icon.svg",
}
