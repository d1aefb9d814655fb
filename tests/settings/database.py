"""The project with a middleware that reads a database, as a later feature might."""

import os

from petsage_project.settings import *  # noqa: F403
from petsage_project.settings import INSTALLED_APPS as APPS
from petsage_project.settings import MIDDLEWARE as PROJECT

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["TEST_DATABASE"]}
}

INSTALLED_APPS = [*APPS, "django.contrib.sites"]

MIDDLEWARE = [*PROJECT, "django.contrib.sites.middleware.CurrentSiteMiddleware"]

SITE_ID = 1
