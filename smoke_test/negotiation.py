"""Chooses JSON or the page by Accept (RFC 9110, section 12.5.1), and never responds 406.

Health checkers send all kinds of Accept headers. Only a client whose Accept names text/html gets
the page.
"""

from collections.abc import Iterable
from urllib.parse import parse_qs

from django.http import HttpRequest
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


def prefers_page(request: HttpRequest) -> bool:
    """Return whether Accept names text/html and ranks it above application/json."""
    if "text/html" not in request.META.get("HTTP_ACCEPT", "").lower():
        return False
    try:
        return request.get_preferred_type(["application/json", "text/html"]) == "text/html"
    except ValueError:
        # Django rejects a parameter in an unknown encoding (RFC 2231).
        return False


class AcceptNegotiation(DefaultContentNegotiation):
    """Chooses a renderer by `?format=`, then by Accept; the first renderer is the default."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        # For speed, like django_request() in speed.py, which this module must not import.
        http = request._request  # noqa: SLF001
        candidates = list(renderers)
        chosen = candidates[0]
        if requested := format_suffix or self._format_of(http):
            chosen = next((r for r in candidates if r.format == requested), chosen)
        elif prefers_page(http):
            chosen = next((r for r in candidates if r.media_type == "text/html"), chosen)
        return chosen, chosen.media_type

    def _format_of(self, request: HttpRequest) -> str | None:
        # Not `request.query_params`, which responds 400 to more than 1,000 parameters, although
        # the smoke test ignores its query string.
        query = request.META.get("QUERY_STRING")
        if not query:
            return None
        values = parse_qs(query).get(str(self.settings.URL_FORMAT_OVERRIDE))
        return values[-1] if values else None
