"""The WSGI application that the app server serves."""

import os
from collections.abc import Iterable
from typing import Any

import django

from petsage_project.handler import Handler, disconnect_idle_receivers, untie

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "petsage_project.settings")

django.setup(set_prefix=False)
disconnect_idle_receivers()
_django = Handler()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer as Django does, in one piece unless it streams.

    granian sends a list together with the head, in one write. In two, a worker that dies in
    between leaves half an answer, which nginx cannot ask for again.
    """
    response = _django(environ, start_response)
    if getattr(response, "streaming", True):
        return response
    try:
        return list(response)
    finally:
        response.close()
        untie(response)
