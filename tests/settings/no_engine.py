"""A project whose database has an engine that does not exist."""

from petsage_project.settings import *  # noqa: F403

DATABASES = {"default": {"ENGINE": "no.engine"}}
