"""The project with a STATIC_ROOT that `collectstatic` cannot write."""

from pathlib import Path

from petsage_project.settings import *  # noqa: F403

STATIC_ROOT = Path("/dev/null/static")
