"""Django's WSGI handler with what spares each request the same work again.

Each shortcut has what it saves of a request's time; docs/performance.md says how that was found.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.conf import global_settings, settings
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connections, reset_queries
from django.http import HttpRequest
from django.urls import ResolverMatch, get_resolver


class Handler(WSGIHandler):
    """Resolves each address once, not at every request (19 %).

    Not where a middleware has set `request.urlconf`, nor where `settings.USE_I18N` lets an address
    depend on the language.
    """

    def __init__(self) -> None:
        super().__init__()
        resolver = get_resolver()
        # Loads the views as a worker starts, not in its first request, which took 100 ms.
        _ = resolver.url_patterns
        self._resolve: Callable[[str], ResolverMatch] = resolver.resolve
        if not settings.USE_I18N:
            # Bounded; what is not found raises, which is not remembered.
            self._resolve = lru_cache(maxsize=256)(self._resolve)

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        if hasattr(request, "urlconf"):
            return super().resolve_request(request)
        request.resolver_match = self._resolve(request.path_info)
        return request.resolver_match


def disconnect_idle_receivers() -> None:
    """Disconnect what tidies up, around each request, what this project has not (25 %).

    With a database, or with other caches than Django's default, the receivers stay.
    """
    # The next request sets its URLconf itself, before anything reads it.
    request_finished.disconnect(reset_urlconf)
    engines = {database["ENGINE"] for database in connections.settings.values()}
    # What Django has for the database of a project without one.
    if engines == {"django.db.backends.dummy"}:
        request_started.disconnect(reset_queries)
        request_started.disconnect(close_old_connections)
        request_finished.disconnect(close_old_connections)
    if settings.CACHES == global_settings.CACHES:
        request_finished.disconnect(close_caches)


def untie(response: Any) -> None:
    """Undo the reference cycles that DRF ties, so that the collector has nothing to do (3 %).

    For an answer that has been sent: it cannot be rendered again.
    """
    context = getattr(response, "renderer_context", None)
    if context:
        context["request"].parser_context.clear()
        context.clear()
