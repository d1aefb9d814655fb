"""The project with a function instead of the DRF view."""

from petsage_project.settings import *  # noqa: F403 - as settings do

ROOT_URLCONF = "benchmarks.rivals.urls_bare_view"
