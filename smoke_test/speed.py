"""All code that exists only for speed, so that you can read the rest without it.

On every request, Django and DRF repeat work whose result never changes here: they resolve the same
path, clean up databases and caches that do not exist, run authentication without authenticators,
build the same serializer and leave reference cycles to the garbage collector. This module does
that work once or not at all. Each shortcut saves at least 5 % of a request on granian; `python -m
benchmarks.shortcuts` measures them, and docs/performance.md has the figures. If a project needs
the work (because it adds a database, a cache or translated URLs), the shortcut turns itself off.
"""

from functools import lru_cache
from typing import Any

from django.conf import global_settings, settings
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connections, reset_queries
from django.http import HttpRequest, HttpResponseBase
from django.urls import ResolverMatch, get_resolver
from rest_framework.compat import SHORT_SEPARATORS
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class Handler(WSGIHandler):
    """Django's WSGI handler, which resolves each path only once."""

    def __init__(self) -> None:
        super().__init__()
        resolver = get_resolver()
        # Load the views when the worker starts; during the first request it took 100 ms.
        _ = resolver.url_patterns
        self._resolve = resolver.resolve
        if not settings.USE_I18N:
            # Bounded. An unknown path raises, and exceptions are not cached.
            self._resolve = lru_cache(maxsize=256)(resolver.resolve)

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        if hasattr(request, "urlconf"):
            return super().resolve_request(request)
        request.resolver_match = self._resolve(request.path_info)
        return request.resolver_match


def disconnect_idle_receivers() -> None:
    """Disconnect cleanup receivers for databases and caches this project does not use."""
    # Each request sets its own URLconf before anything reads it.
    request_finished.disconnect(reset_urlconf)
    engines = {database["ENGINE"] for database in connections.settings.values()}
    # Django's placeholder for empty DATABASES.
    if engines == {"django.db.backends.dummy"}:
        request_started.disconnect(reset_queries)
        request_started.disconnect(close_old_connections)
        request_finished.disconnect(close_old_connections)
    if settings.CACHES == global_settings.CACHES:
        request_finished.disconnect(close_caches)


def break_cycles(response: HttpResponseBase) -> None:
    """Break DRF's reference cycles in a sent response, which cannot be rendered again."""
    context: dict[str, Any] | None = getattr(response, "renderer_context", None)
    if context:
        context["request"].parser_context.clear()
        context.clear()


def django_request(request: Request) -> HttpRequest:
    """Return Django's own request: DRF's forwards attributes only after a failed lookup."""
    wrapped: HttpRequest = request._request  # noqa: SLF001
    return wrapped


class LeanJSONRenderer(JSONRenderer):
    """DRF's JSON without indentation, from an encoder that is created once."""

    _encode = JSONRenderer.encoder_class(
        ensure_ascii=False, allow_nan=False, separators=SHORT_SEPARATORS
    ).encode

    def render(self, data: Any, *_args: Any, **_kwargs: Any) -> bytes:
        return self._encode(data).encode()


class LeanResponse(Response):
    """A Response with a fixed charset; Django would parse Content-Type for it four times."""

    charset = "utf-8"


class LeanAPIView(APIView):
    """An APIView that varies by Accept, without authentication or reference cycles."""

    def perform_authentication(self, request: Request) -> None:
        """Do nothing: there are no authenticators."""

    def head(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # Otherwise Django sets `self.head = self.get`, a reference cycle per request.
        response: Response = self.get(request, *args, **kwargs)  # type: ignore[attr-defined]
        return response

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        finalized = super().finalize_response(request, response, *args, **kwargs)
        # As a default header, DRF would merge it with a Vary that does not exist.
        finalized.headers["Vary"] = "Accept"
        return finalized
