"""A project that has forgotten to include the smoke test."""

from petsage_project.settings import *  # noqa: F403

ROOT_URLCONF = "smoke_test.tests.probe.settings_not_routed"

urlpatterns: list[object] = []
handler404 = "petsage_project.errors.not_found"
