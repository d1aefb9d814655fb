"""The project with a view that can be held: what a deadlocked worker is."""

from petsage_project.settings import *  # noqa: F403
from petsage_project.settings import MIDDLEWARE as PROJECT

MIDDLEWARE = ["tests.settings.hold.HoldMiddleware", *PROJECT]
