"""What would make a healthy process look dead, or a dead one healthy.

The project itself is asked, in process, and the setting at fault is named. It takes no network and
no database.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.middleware.cache import FetchFromCacheMiddleware, UpdateCacheMiddleware
from django.urls import Resolver404, resolve
from django.utils.module_loading import import_string
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer

from smoke_test.contract import PATH
from smoke_test.in_process import InProcessClient, Inside
from smoke_test.probe.diagnosis import Expectations, diagnose
from smoke_test.probe.verdict import Verdict, printable
from smoke_test.views import SmokeTestView


def issues() -> list[CheckMessage]:
    """Return what is wrong with the wiring; nothing is a pass."""
    try:
        view = _resolved_view()
    except LookupError as error:
        # What would follow from this one is noise.
        return [_route_error(str(error))]
    return [*_view_errors(view), *_cache_errors(), *_answer_errors()]


def deployment_issues() -> list[CheckMessage]:
    """Return what is wrong with ALLOWED_HOSTS for a deployment."""
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
    if not issubclass(next(iter(view.renderer_classes), object), JSONRenderer):
        yield Error(
            "The view's first renderer is not a JSONRenderer: health checkers would get another "
            "format.",
            hint="put SmokeTestJSONRenderer first in SmokeTestView.renderer_classes.",
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
            inside = client.get(scheme)
            if found := faults(inside):
                yield _answer_error(scheme, inside, found[0])
                break
    page = client.get("http", accept="text/html")
    content_type = page.exchange.header("Content-Type") or "no Content-Type"
    if page.exchange.status != 200 or not content_type.startswith("text/html"):
        yield Error(
            f"A browser does not get the page: status {page.exchange.status}, {content_type}.",
            hint=page.exception or "are 'rest_framework' and its templates in the settings?",
            obj=f"GET {PATH} for a browser",
            id="smoke_test.E006",
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an answer; two of the same kind have the same cause."""

    kind: str
    message: str


def faults(inside: Inside) -> list[Fault]:
    """Return what is wrong with the answer, the gravest first; nothing is a pass.

    By the diagnosis that judges answers from afar, but here every promise counts.
    """
    exchange = inside.exchange
    # The first request loads what later ones find loaded: its time says nothing.
    expected = Expectations(release=settings.PETSAGE_RELEASE, slow_ms=float("inf"))
    found = [
        Fault(f"{verdict.code} {verdict.status}", verdict.message)
        for verdict in diagnose(exchange, expected)
        if verdict.level != "ok"
    ]
    if "no-store" not in (cache_control := exchange.header("Cache-Control") or ""):
        found.append(Fault("cache", f"Cache-Control is {cache_control!r}, wanted 'no-store'."))
    if not inside.reached_view:
        found.append(Fault("view", "the view was not asked: something answered in its place."))
    return found


def _answer_error(scheme: str, inside: Inside, fault: Fault) -> Error:
    where = f"GET {PATH} over {scheme}"
    location = inside.exchange.header("Location") or ""
    if settings.SECURE_SSL_REDIRECT and location.startswith("https:"):
        return Error(
            f"SECURE_SSL_REDIRECT sends a load balancer away: {fault.message}",
            hint="leave the redirect to nginx (SECURE_SSL_REDIRECT = False), or set "
            "SECURE_PROXY_SSL_HEADER to the header that nginx overwrites.",
            obj=where,
            id="smoke_test.E004",
        )
    return Error(
        f"The answer is not the smoke test's: {fault.message}",
        hint=_hint(scheme, inside, fault),
        obj=where,
        id="smoke_test.E003" if fault.kind == "view" else "smoke_test.E002",
    )


def _hint(scheme: str, inside: Inside, fault: Fault) -> str:
    if inside.exception:
        return f"it raised {inside.exception}"
    if inside.exchange.status == 400 and not settings.ALLOWED_HOSTS:
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
            found = [*faults(client.get(scheme)), *faults(client.get(scheme))]
        if fault.kind in {other.kind for other in found}:
            return chain[start] if start < len(chain) else None
    return None


def verdicts(expected: Expectations) -> list[Verdict]:
    """Return the issues that are not silenced or, without one, the verdict on one request.

    A silenced check does not silence the request: a broken answer stays one.
    """
    found = [issue for issue in issues() if not issue.is_silenced()]
    if found:
        return [_as_verdict(issue) for issue in found]
    inside = InProcessClient().get("http")
    if fault := next(iter(faults(inside)), None):
        return [_as_verdict(_answer_error("http", inside, fault))]
    return diagnose(inside.exchange, expected._replace(slow_ms=float("inf")))


def _as_verdict(issue: CheckMessage) -> Verdict:
    return Verdict(
        url=str(issue.obj),
        level="error" if issue.is_serious() else "warning",
        layer="wiring",
        code=str(issue.id).removeprefix("smoke_test."),
        message=printable(issue.msg),
        hint=printable(issue.hint or ""),
    )
