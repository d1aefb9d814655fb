"""A project with a database and a transaction around each request."""

from petsage_project.settings import *  # noqa: F403

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": "/dev/null/dead.sqlite3",
        "ATOMIC_REQUESTS": True,
    }
}
