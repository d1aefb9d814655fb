"""The same project, at whose addresses more can go wrong."""

from petsage_project.settings import *  # noqa: F403

ROOT_URLCONF = "tests.settings.urls_breakable"
