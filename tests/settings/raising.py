"""A project with a middleware that raises."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from petsage_project import settings
from petsage_project.settings import *  # noqa: F403

MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.raising"]


def raising(_get_response: object) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(_request: HttpRequest) -> HttpResponse:
        raise RuntimeError("on purpose")

    return middleware
