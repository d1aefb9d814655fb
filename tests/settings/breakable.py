"""The project with URLs that fail."""

from petsage_project.settings import *  # noqa: F403

ROOT_URLCONF = "tests.settings.urls_breakable"
