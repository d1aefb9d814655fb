"""A project with a redirect whose check is silenced."""

from tests.settings.ssl_redirect import *  # noqa: F403

SILENCED_SYSTEM_CHECKS = ["smoke_test.E004", "smoke_test.E006"]
