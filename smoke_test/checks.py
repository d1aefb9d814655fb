"""System checks of the wiring: what would make a healthy process look dead, or a dead one healthy.

They ask the project itself, in process, and name the setting at fault. No network, no database.
"""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.middleware.cache import FetchFromCacheMiddleware, UpdateCacheMiddleware
from django.urls import Resolver404, resolve
from django.utils.module_loading import import_string
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer

from smoke_test.contract import PATH, Fault, faults
from smoke_test.in_process import InProcessAnswer, InProcessClient
from smoke_test.views import SmokeTestView

TAG = "smoke_test"


@register(TAG)
def check_wiring(**_kwargs: Any) -> list[CheckMessage]:
    """Judge the route, the view, the middleware and the answers, the page among them."""
    try:
        view = _resolved_view()
    except LookupError as error:
        # What would follow from this one is noise.
        return [_route_error(str(error))]
    return [*_view_errors(view), *_cache_errors(), *_answer_errors()]


@register(TAG, deploy=True)
def check_allowed_hosts(**_kwargs: Any) -> list[CheckMessage]:
    """Judge ALLOWED_HOSTS as a deployment needs it."""
    if not settings.ALLOWED_HOSTS:
        return [
            Error(
                "ALLOWED_HOSTS is empty: every request gets 400, health checks too.",
                hint="set DJANGO_ALLOWED_HOSTS to the hosts that people type.",
                obj="settings.ALLOWED_HOSTS",
                id="smoke_test.E009",
            )
        ]
    if "*" in settings.ALLOWED_HOSTS:
        return [
            CheckWarning(
                "ALLOWED_HOSTS has '*': the smoke test passes for a Host that is not yours.",
                hint="set DJANGO_ALLOWED_HOSTS to the hosts that people type.",
                obj="settings.ALLOWED_HOSTS",
                id="smoke_test.W001",
            )
        ]
    return []


def _resolved_view() -> SmokeTestView:
    """Return the view behind the address, as the URLconf sets it up; LookupError for another."""
    try:
        callback = resolve(PATH).func
    except Resolver404:
        raise LookupError("nothing is routed there") from None
    view_class = getattr(callback, "cls", callback)
    if not (isinstance(view_class, type) and issubclass(view_class, SmokeTestView)):
        raise LookupError(f"it leads to '{view_class.__module__}.{view_class.__qualname__}'")
    return view_class(**getattr(callback, "initkwargs", {}))


def _route_error(found: str) -> Error:
    return Error(
        f"'{PATH}' does not lead to SmokeTestView: {found}.",
        hint=f"include 'smoke_test.urls' at '{PATH[1:]}', before any pattern that matches it too.",
        obj=f"settings.ROOT_URLCONF {settings.ROOT_URLCONF!r}",
        id="smoke_test.E001",
    )


def _view_errors(view: SmokeTestView) -> Iterator[Error]:
    if next(iter(view.renderer_classes), None) is not JSONRenderer:
        yield Error(
            "JSONRenderer is not the view's first renderer: health checkers would get another "
            "format.",
            hint="put JSONRenderer first in SmokeTestView.renderer_classes.",
            obj="SmokeTestView.renderer_classes",
            id="smoke_test.E005",
        )
    if not any(issubclass(found, BrowsableAPIRenderer) for found in view.renderer_classes):
        yield Error(
            "BrowsableAPIRenderer is missing: a browser would get bare JSON.",
            hint="add BrowsableAPIRenderer to SmokeTestView.renderer_classes.",
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
                f"{', '.join(barriers)} can refuse a health checker, though PetSage is up.",
                hint=f"write '{attribute} = ()' in SmokeTestView: REST_FRAMEWORK's defaults do "
                "not reach it then.",
                obj=f"SmokeTestView.{attribute}",
                id="smoke_test.E007",
            )


def _cache_errors() -> Iterator[Error]:
    cache_middleware = (FetchFromCacheMiddleware, UpdateCacheMiddleware)
    for path in settings.MIDDLEWARE:
        try:
            middleware = import_string(path)
        except ImportError:
            # The in-process request meets it too, and reports it.
            continue
        if isinstance(middleware, type) and issubclass(middleware, cache_middleware):
            yield Error(
                f"'{path}' asks the cache before the smoke test: with the cache down, PetSage "
                "looks dead.",
                hint="take it out of MIDDLEWARE and put cache_page on the views that want it.",
                obj="settings.MIDDLEWARE",
                id="smoke_test.E008",
            )


def _answer_errors() -> Iterator[Error]:
    client = InProcessClient()
    for scheme in ("http", "https"):
        # Twice: a cache answers in the view's place from the second time on.
        for _attempt in range(2):
            answer = client.get(scheme)
            error = _answer_error(scheme, answer)
            if error:
                yield error
                break
    page = client.get("http", accept="text/html")
    found = page.header("Content-Type") or "no Content-Type"
    if page.status != 200 or not found.startswith("text/html"):
        yield Error(
            f"A browser does not get the page: status {page.status}, {found}.",
            hint=page.exception or "are 'rest_framework' and its templates in the settings?",
            obj=f"GET {PATH} for a browser",
            id="smoke_test.E006",
        )


def _answer_error(scheme: str, answer: InProcessAnswer) -> Error | None:
    fault = next(iter(judge(answer)), None)
    if fault is None:
        return None
    location = answer.header("Location") or ""
    where = f"GET {PATH} over {scheme}"
    if settings.SECURE_SSL_REDIRECT and location.startswith("https:"):
        return Error(
            f"SECURE_SSL_REDIRECT sends a load balancer away: {fault}.",
            hint="leave the redirect to nginx (SECURE_SSL_REDIRECT = False), or set "
            "SECURE_PROXY_SSL_HEADER to the header that nginx overwrites.",
            obj=where,
            id="smoke_test.E004",
        )
    check_id = "E003" if fault.what == "view" else "E002"
    return Error(
        f"The answer is not the smoke test's: {fault}.",
        hint=_hint(scheme, answer, fault),
        obj=where,
        id=f"smoke_test.{check_id}",
    )


def judge(answer: InProcessAnswer) -> list[Fault]:
    """Return what is wrong with an in-process answer, the gravest first; nothing is a pass."""
    found = list(faults(answer, release=settings.PETSAGE_RELEASE))
    if not answer.reached_view:
        found.append(Fault("view", "not reached", "every answer made by the view"))
    return found


def _hint(scheme: str, answer: InProcessAnswer, fault: Fault) -> str:
    if answer.exception:
        return f"it raised {answer.exception}"
    if answer.status == 400 and not settings.ALLOWED_HOSTS:
        return "ALLOWED_HOSTS is empty: set DJANGO_ALLOWED_HOSTS to the hosts that people type."
    culprit = _culprit(scheme, fault)
    if culprit is None:
        return (
            "no middleware does it: look at SmokeTestView, and whether MIDDLEWARE still has "
            "'smoke_test.middleware.AnswerHeadersMiddleware'."
        )
    return f"'{culprit}' does it: exempt '{PATH}' there, or take it out of MIDDLEWARE."


def _culprit(scheme: str, fault: Fault) -> str | None:
    """Return the middleware that brings the fault in, None where it is there without any.

    Asks with ever more of MIDDLEWARE around the view, from the innermost outwards.
    """
    # Only for a broken project: importing it costs more than all the checks.
    from django.test.utils import override_settings

    chain = list(settings.MIDDLEWARE)
    for start in range(len(chain), -1, -1):
        with override_settings(MIDDLEWARE=chain[start:]):
            client = InProcessClient()
            found = [*judge(client.get(scheme)), *judge(client.get(scheme))]
        if any(_same(fault, other) for other in found):
            return chain[start] if start < len(chain) else None
    return None


def _same(fault: Fault, other: Fault) -> bool:
    # A 500 for the want of an outer middleware is not the 302 that is looked for.
    return fault.what == other.what and (fault.what != "status" or fault.found == other.found)
