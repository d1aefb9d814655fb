"""The static checks: they read settings, the URLconf and classes, and send no request."""

import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.http.request import split_domain_port
from django.middleware.cache import FetchFromCacheMiddleware, UpdateCacheMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.gzip import GZipMiddleware
from django.middleware.http import ConditionalGetMiddleware
from django.middleware.security import SecurityMiddleware
from django.urls import Resolver404, resolve
from django.utils.module_loading import import_string
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer

from smoke_test.contract import PATH
from smoke_test.middleware import AnswerHeadersMiddleware
from smoke_test.views import SmokeTestView

# nginx sets this header to the client's scheme; see deploy/nginx/proxy.conf.
_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# The methods that DRF calls before the view's own.
_BARRIERS = (
    "get_authenticators",
    "perform_authentication",
    "get_permissions",
    "check_permissions",
    "get_throttles",
    "check_throttles",
)


def wiring_messages() -> list[CheckMessage]:
    """Return the faults of the route, the view, the middleware and the settings."""
    try:
        view = _resolved_view()
    except LookupError as error:
        # The other errors would only be consequences of this one.
        return [_route_error(str(error))]
    return [*_view_errors(view), *_middleware_messages(), *_setting_errors()]


def allowed_hosts_messages() -> list[CheckMessage]:
    """Return the faults of ALLOWED_HOSTS in a deployment."""
    hint = "set DJANGO_ALLOWED_HOSTS to the names that clients use."
    obj = "settings.ALLOWED_HOSTS"
    if not settings.ALLOWED_HOSTS:
        message = "ALLOWED_HOSTS is empty: every request gets 400, health checks too."
        return [Error(message, hint=hint, obj=obj, id="smoke_test.E009")]
    if "*" in settings.ALLOWED_HOSTS:
        message = "ALLOWED_HOSTS has '*': the smoke test passes for any Host, even one not yours."
        return [CheckWarning(message, hint=hint, obj=obj, id="smoke_test.W001")]
    wrong = [
        host
        for host in settings.ALLOWED_HOSTS
        if split_domain_port(host.removeprefix(".")) != (host.removeprefix(".").lower(), "")
    ]
    if wrong:
        message = f"no request can match {wrong[0]!r}, expected only a name or an address."
        hint = "remove the scheme, port and path; put an IPv6 address in brackets."
        return [Error(message, hint=hint, obj=obj, id="smoke_test.E009")]
    return []


def _resolved_view() -> SmokeTestView:
    """Return the view at the path, as the URLconf configures it.

    Raises LookupError if it is not a SmokeTestView.
    """
    try:
        callback = resolve(PATH).func
    except Resolver404:
        raise LookupError("there is no route") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - project code can raise anything
        raise LookupError(f"the URLconf raises {type(error).__name__}: {error}") from None
    view_class = getattr(callback, "cls", callback)
    if not (isinstance(view_class, type) and issubclass(view_class, SmokeTestView)):
        name = getattr(view_class, "__qualname__", type(view_class).__qualname__)
        raise LookupError(f"it is routed to '{view_class.__module__}.{name}'")
    return view_class(**getattr(callback, "initkwargs", {}))


def _route_error(problem: str) -> Error:
    return Error(
        f"'{PATH}' is not routed to SmokeTestView: {problem}.",
        hint=f"include 'smoke_test.urls' at '{PATH[1:]}', before any other pattern that matches "
        "it and outside i18n_patterns().",
        obj=f"settings.ROOT_URLCONF {settings.ROOT_URLCONF!r}",
        id="smoke_test.E001",
    )


def _view_errors(view: SmokeTestView) -> Iterator[Error]:
    name = type(view).__name__
    renderers: tuple[type, ...] = tuple(view.renderer_classes)
    if not renderers or not issubclass(renderers[0], JSONRenderer):
        yield Error(
            "The view's first renderer is not a JSONRenderer: health checkers would get another "
            "format.",
            hint=f"put JSONRenderer first in {name}.renderer_classes.",
            obj=f"{name}.renderer_classes",
            id="smoke_test.E005",
        )
    if not any(issubclass(renderer, BrowsableAPIRenderer) for renderer in renderers):
        yield Error(
            "BrowsableAPIRenderer is missing: a browser would get bare JSON.",
            hint=f"add SmokeTestPageRenderer to {name}.renderer_classes.",
            obj=f"{name}.renderer_classes",
            id="smoke_test.E006",
        )
    for attribute, harmless in (
        ("authentication_classes", ()),
        ("permission_classes", (AllowAny,)),
        ("throttle_classes", ()),
    ):
        if barriers := [c.__name__ for c in getattr(view, attribute) if c not in harmless]:
            yield Error(
                f"{', '.join(barriers)} can refuse a health checker even though PetSage is up.",
                hint=f"set '{attribute} = ()' in {name}, to override REST_FRAMEWORK's defaults.",
                obj=f"{name}.{attribute}",
                id="smoke_test.E007",
            )
    for method in _BARRIERS:
        if getattr(type(view), method) is not getattr(SmokeTestView, method):
            yield Error(
                f"{name}.{method}() can refuse a health checker even though PetSage is up.",
                hint=f"remove {method}() from {name}.",
                obj=f"{name}.{method}",
                id="smoke_test.E007",
            )


def _middleware_messages() -> Iterator[CheckMessage]:
    obj = "settings.MIDDLEWARE"
    classes = {path: _imported(path) for path in settings.MIDDLEWARE}
    if not issubclass(next(iter(classes.values()), object), AnswerHeadersMiddleware):
        yield Error(
            "AnswerHeadersMiddleware is not the first middleware: responses from those before it "
            "have no release, so nobody can tell who responded.",
            hint="put 'smoke_test.middleware.AnswerHeadersMiddleware' first in MIDDLEWARE.",
            obj=obj,
            id="smoke_test.E003",
        )
    if not any(issubclass(middleware, CommonMiddleware) for middleware in classes.values()):
        yield Error(
            f"CommonMiddleware is missing: '{PATH.rstrip('/')}' gets 404, expected a redirect to "
            f"'{PATH}', and responses have no Content-Length.",
            hint="add 'petsage_project.middleware.CommonMiddleware' to MIDDLEWARE.",
            obj=obj,
            id="smoke_test.E002",
        )
    for path, middleware in classes.items():
        if issubclass(middleware, SecurityMiddleware) and _redirects_plain_http():
            yield Error(
                "SECURE_SSL_REDIRECT redirects load balancers, which use plain http.",
                hint="set SECURE_SSL_REDIRECT = False, because nginx already redirects; or set "
                f"SECURE_REDIRECT_EXEMPT = [r'^{PATH[1:]}?$'].",
                obj="settings.SECURE_SSL_REDIRECT",
                id="smoke_test.E004",
            )
        if issubclass(middleware, FetchFromCacheMiddleware | UpdateCacheMiddleware):
            yield Error(
                f"'{path}' reads the cache before the smoke test: if the cache is down, PetSage "
                "looks dead.",
                hint=f"remove '{path}' from MIDDLEWARE, and put cache_page on the views that "
                "need it.",
                obj=obj,
                id="smoke_test.E008",
            )
        if issubclass(middleware, ConditionalGetMiddleware):
            yield Error(
                f"'{path}' can respond 304 without a body, expected the smoke test's body.",
                hint=f"remove '{path}' from MIDDLEWARE, and put conditional_page on the views "
                "that need it.",
                obj=obj,
                id="smoke_test.E010",
            )
        if issubclass(middleware, GZipMiddleware):
            yield CheckWarning(
                f"'{path}' compresses pages, which exposes their secrets to the BREACH attack.",
                hint=f"remove '{path}' from MIDDLEWARE: nginx compresses static files.",
                obj=obj,
                id="smoke_test.W002",
            )


def _setting_errors() -> Iterator[Error]:
    # Any, because django-stubs treat the defaults as constants.
    header: Any = settings.SECURE_PROXY_SSL_HEADER
    if not settings.APPEND_SLASH:
        yield Error(
            f"APPEND_SLASH is off: '{PATH.rstrip('/')}' gets 404, expected a redirect to "
            f"'{PATH}'.",
            hint="set APPEND_SLASH = True.",
            obj="settings.APPEND_SLASH",
            id="smoke_test.E002",
        )
    if settings.FORCE_SCRIPT_NAME:
        yield Error(
            f"FORCE_SCRIPT_NAME is {settings.FORCE_SCRIPT_NAME!r}, but nginx serves PetSage at "
            "'/': redirects and links would be broken.",
            hint="set FORCE_SCRIPT_NAME = None.",
            obj="settings.FORCE_SCRIPT_NAME",
            id="smoke_test.E011",
        )
    if header is not None and tuple(header) != _PROXY_SSL_HEADER:
        yield Error(
            f"got SECURE_PROXY_SSL_HEADER {header!r}, which nginx does not set: a client can "
            "forge it.",
            hint=f"set SECURE_PROXY_SSL_HEADER = {_PROXY_SSL_HEADER!r}.",
            obj="settings.SECURE_PROXY_SSL_HEADER",
            id="smoke_test.E012",
        )


def _imported(path: str) -> type:
    """Return the class, or `object` if it cannot be imported or is not a class."""
    try:
        imported = import_string(path)
    except (Exception, SystemExit):  # noqa: BLE001 - project code can raise anything
        # The server would not start either, and it reports why.
        return object
    return imported if isinstance(imported, type) else object


def _redirects_plain_http() -> bool:
    path = PATH.lstrip("/")
    exempt = any(re.search(pattern, path) for pattern in settings.SECURE_REDIRECT_EXEMPT)
    return bool(settings.SECURE_SSL_REDIRECT) and not exempt
