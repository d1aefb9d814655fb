"""Headers that tell our answer from a proxy's, this build from another, and fresh from cached."""

from collections.abc import Callable
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from smoke_test.contract import ANSWERED_AT_HEADER, RELEASE_HEADER


class AnswerHeadersMiddleware:
    """Put the release and the time on every answer that Django gives, errors included.

    X-PetSage-Release is `settings.PETSAGE_RELEASE`. X-PetSage-Answered-At is when the answer was
    made: UTC, RFC 3339, milliseconds. An answer that does not say how it may be cached may not.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.release: str = settings.PETSAGE_RELEASE

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if ANSWERED_AT_HEADER not in response.headers:
            self._stamp(response)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def process_template_response(
        self, _request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        """Stamp what is yet to be rendered, so that a page shows the headers it is sent with."""
        self._stamp(response)
        return response

    def _stamp(self, response: HttpResponse) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        response.headers[RELEASE_HEADER] = self.release
        response.headers[ANSWERED_AT_HEADER] = now.replace("+00:00", "Z")
