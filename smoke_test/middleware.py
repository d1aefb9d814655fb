"""Response headers that show who responded, which release it is, and that it is not cached."""

from collections.abc import Callable
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from smoke_test.contract import ANSWERED_AT_HEADER, NONCE, NONCE_HEADER, RELEASE_HEADER

_NONCE_KEY = f"HTTP_{NONCE_HEADER.upper().replace('-', '_')}"


class AnswerHeadersMiddleware:
    """Add the release, the time and the client's nonce to every response, errors included.

    X-PetSage-Release is `settings.PETSAGE_RELEASE`. X-PetSage-Answered-At is when the response was
    made: UTC, RFC 3339, milliseconds. X-PetSage-Nonce is returned only if it is 32 hexadecimal
    digits. A response without Cache-Control gets `no-store`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.release: str = settings.PETSAGE_RELEASE

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if ANSWERED_AT_HEADER not in response.headers:
            self._stamp(request, response)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def process_template_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        """Stamp a response before it is rendered, so that the page can show its own headers."""
        self._stamp(request, response)
        return response

    def _stamp(self, request: HttpRequest, response: HttpResponse) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        response.headers[RELEASE_HEADER] = self.release
        response.headers[ANSWERED_AT_HEADER] = now.replace("+00:00", "Z")
        nonce = request.META.get(_NONCE_KEY)
        if nonce and NONCE.fullmatch(nonce):
            response.headers[NONCE_HEADER] = nonce
