"""The project, where `collectstatic` cannot write."""

from pathlib import Path

from petsage_project.settings import *  # noqa: F403

STATIC_ROOT = Path("/dev/null/static")
