"""A project with a login wall."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from petsage_project import settings
from petsage_project.settings import *  # noqa: F403

MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.login_required"]


def login_required(_get_response: object) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path == "/login/":
            return HttpResponse("<form>Who are you?</form>")
        return HttpResponseRedirect("/login/")

    return middleware
