"""The WSGI application that the app server serves."""

import os
from collections.abc import Iterable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "petsage_project.settings")
django.setup(set_prefix=False)

# Imported after setup(), because importing DRF reads the settings.
from smoke_test.speed import Handler, break_cycles, disconnect_idle_receivers  # noqa: E402

disconnect_idle_receivers()
_django = Handler()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Respond like Django, but in one piece unless the response streams.

    granian sends a list together with the head. Anything else takes two writes, and a worker
    that dies in between leaves half a response, which nginx cannot retry.
    """
    response = _django(environ, start_response)
    if getattr(response, "streaming", True):
        return response
    try:
        return list(response)
    finally:
        response.close()
        break_cycles(response)
