"""The project with a worker that can be blocked, like a deadlocked one."""

from petsage_project.settings import *  # noqa: F403
from petsage_project.settings import MIDDLEWARE as PROJECT

MIDDLEWARE = ["tests.settings.hold.HoldMiddleware", *PROJECT]
