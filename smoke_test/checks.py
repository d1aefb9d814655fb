"""System checks of the wiring: what makes a healthy process look dead, or a dead one healthy.

Without `--deploy` they are static, as Django defines checks: they read settings, the URLconf and
classes, and send no request. Most imports are in functions, because a worker imports this module
but runs none of it.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.urls import Resolver404, resolve
from django.utils.module_loading import import_string

from smoke_test.contract import PATH

if TYPE_CHECKING:
    from smoke_test.probe.deadline import Deadline
    from smoke_test.probe.diagnosis import Expectations
    from smoke_test.probe.verdict import Verdict
    from smoke_test.views import SmokeTestView

TAG = "smoke_test"


@register(TAG)
def check_wiring(**_kwargs: Any) -> list[CheckMessage]:
    """Check the route, the view and the middleware, statically."""
    try:
        view = _resolved_view()
    except LookupError as error:
        # Everything else would only repeat this one.
        return [_route_error(str(error))]
    return [*_view_errors(view), *_middleware_errors()]


@register(TAG, deploy=True)
def check_allowed_hosts(**_kwargs: Any) -> list[CheckMessage]:
    """Check ALLOWED_HOSTS for a deployment."""
    hint = "set DJANGO_ALLOWED_HOSTS to the names that clients use."
    obj = "settings.ALLOWED_HOSTS"
    if not settings.ALLOWED_HOSTS:
        message = "ALLOWED_HOSTS is empty: every request gets 400, health checks too."
        return [Error(message, hint=hint, obj=obj, id="smoke_test.E009")]
    if "*" in settings.ALLOWED_HOSTS:
        message = "ALLOWED_HOSTS has '*': the smoke test passes for a Host that is not yours."
        return [CheckWarning(message, hint=hint, obj=obj, id="smoke_test.W001")]
    return []


@register(TAG, deploy=True)
def check_answers(**_kwargs: Any) -> list[CheckMessage]:
    """Check this project's answers to requests in process."""
    if check_wiring() or not settings.ALLOWED_HOSTS:
        # The answers would only show the same faults again.
        return []
    from smoke_test.in_process import faults

    return [
        Error(fault.message, hint=fault.hint, obj=fault.url, id=f"smoke_test.{fault.code}")
        for fault in faults()
    ]


def project_verdicts(expected: "Expectations", deadline: "Deadline") -> "list[Verdict]":
    """Return the verdicts on this project: what the checks found, or the answer in process.

    A silenced check does not silence the request: a broken answer stays broken.
    """
    from smoke_test.in_process import verdicts
    from smoke_test.probe.verdict import Verdict, printable

    found = [message for message in check_wiring() if not message.is_silenced()]
    if not found:
        return verdicts(expected, deadline)
    return [
        Verdict(
            url=str(message.obj),
            level="error",
            layer="wiring",
            code=str(message.id).removeprefix("smoke_test."),
            message=printable(message.msg),
            hint=printable(message.hint or ""),
        )
        for message in found
    ]


def _resolved_view() -> "SmokeTestView":
    """Return the view at the path, as the URLconf configures it; LookupError for another view."""
    from smoke_test.views import SmokeTestView

    try:
        callback = resolve(PATH).func
    except Resolver404:
        raise LookupError("nothing is routed there") from None
    view_class = getattr(callback, "cls", callback)
    if not (isinstance(view_class, type) and issubclass(view_class, SmokeTestView)):
        raise LookupError(f"it leads to '{view_class.__module__}.{view_class.__qualname__}'")
    return view_class(**getattr(callback, "initkwargs", {}))


def _route_error(problem: str) -> Error:
    return Error(
        f"'{PATH}' does not lead to SmokeTestView: {problem}.",
        hint=f"include 'smoke_test.urls' at '{PATH[1:]}', before any pattern that matches it too.",
        obj=f"settings.ROOT_URLCONF {settings.ROOT_URLCONF!r}",
        id="smoke_test.E001",
    )


def _view_errors(view: "SmokeTestView") -> Iterator[Error]:
    from rest_framework.permissions import AllowAny
    from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer

    renderers: tuple[type, ...] = tuple(view.renderer_classes)
    if not renderers or not issubclass(renderers[0], JSONRenderer):
        yield Error(
            "The view's first renderer is not a JSONRenderer: health checkers would get another "
            "format.",
            hint="put JSONRenderer first in SmokeTestView.renderer_classes.",
            obj="SmokeTestView.renderer_classes",
            id="smoke_test.E005",
        )
    if not any(issubclass(renderer, BrowsableAPIRenderer) for renderer in renderers):
        yield Error(
            "BrowsableAPIRenderer is missing: a browser would get bare JSON.",
            hint="add SmokeTestPageRenderer to SmokeTestView.renderer_classes.",
            obj="SmokeTestView.renderer_classes",
            id="smoke_test.E006",
        )
    for attribute, harmless in (
        ("authentication_classes", ()),
        ("permission_classes", (AllowAny,)),
        ("throttle_classes", ()),
    ):
        if barriers := [c.__name__ for c in getattr(view, attribute) if c not in harmless]:
            yield Error(
                f"{', '.join(barriers)} can refuse a health checker although PetSage is up.",
                hint=f"set '{attribute} = ()' in SmokeTestView: then REST_FRAMEWORK's defaults do "
                "not apply to it.",
                obj=f"SmokeTestView.{attribute}",
                id="smoke_test.E007",
            )


def _middleware_errors() -> Iterator[Error]:
    from django.middleware.cache import FetchFromCacheMiddleware, UpdateCacheMiddleware
    from django.middleware.security import SecurityMiddleware

    for path in settings.MIDDLEWARE:
        middleware = _imported(path)
        if issubclass(middleware, SecurityMiddleware) and _redirects_plain_http():
            yield Error(
                "SECURE_SSL_REDIRECT redirects load balancers, which use plain http.",
                hint="leave the redirect to nginx (SECURE_SSL_REDIRECT = False), or set "
                "SECURE_PROXY_SSL_HEADER to the header that nginx overwrites.",
                obj="settings.SECURE_SSL_REDIRECT",
                id="smoke_test.E004",
            )
        if issubclass(middleware, FetchFromCacheMiddleware | UpdateCacheMiddleware):
            yield Error(
                f"'{path}' reads the cache before the smoke test: if the cache is down, PetSage "
                "looks dead.",
                hint="remove it from MIDDLEWARE, and put cache_page on the views that need it.",
                obj="settings.MIDDLEWARE",
                id="smoke_test.E008",
            )


def _imported(path: str) -> type:
    """Return the class; `object` for anything else, and for one that cannot be imported."""
    try:
        found = import_string(path)
    except Exception:  # noqa: BLE001 - any code of the project may have raised it
        # The server does not start with it either, and says why.
        return object
    return found if isinstance(found, type) else object


def _redirects_plain_http() -> bool:
    path = PATH.lstrip("/")
    exempt = any(re.search(pattern, path) for pattern in settings.SECURE_REDIRECT_EXEMPT)
    # As Any: django-stubs takes the defaults for constants.
    header: Any = settings.SECURE_PROXY_SSL_HEADER
    return settings.SECURE_SSL_REDIRECT and header is None and not exempt
