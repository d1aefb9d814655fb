"""A project whose URLconf does not include the smoke test."""

from petsage_project.settings import *  # noqa: F403

ROOT_URLCONF = "tests.settings.not_routed"

urlpatterns: list[object] = []
handler404 = "petsage_project.errors.not_found"
