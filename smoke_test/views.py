from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.transaction import non_atomic_requests
from django.utils.http import parse_etags
from rest_framework.exceptions import APIException
from rest_framework.metadata import SimpleMetadata
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from smoke_test.negotiation import AcceptNegotiation
from smoke_test.renderers import SmokeTestPageRenderer
from smoke_test.serializers import SmokeTestSerializer
from smoke_test.services import run_smoke_test
from smoke_test.speed import LeanAPIView, LeanJSONRenderer, LeanResponse, django_request


class SmokeTestView(LeanAPIView):
    """Confirms that PetSage is up and that requests reach it.

    Read-only and open to everyone. It uses no database and no other service.

    A request with If-Match: "RELEASE" gets 412 if another release responds.
    """

    name = "Smoke Test"

    # Explicit, so that project-wide defaults cannot make a healthy process look dead.
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    parser_classes = ()
    versioning_class = None
    metadata_class = SimpleMetadata
    renderer_classes = (LeanJSONRenderer, SmokeTestPageRenderer)
    content_negotiation_class = AcceptNegotiation
    serializer = SmokeTestSerializer()

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view, exempt from ATOMIC_REQUESTS, which needs a database."""
        view: Any = super().as_view(**initkwargs)
        for alias in connections:
            view = non_atomic_requests(using=alias)(view)
        return view

    @property
    def default_response_headers(self) -> dict[str, str]:
        # Cache-Control is set here too, because Django's cache middleware runs inside ours.
        return {"Allow": "GET, HEAD, OPTIONS", "Cache-Control": "no-store"}

    def get(self, request: Request) -> Response:
        release = f'"{settings.PETSAGE_RELEASE}"'
        environ = django_request(request).META
        if "HTTP_IF_MATCH" in environ:
            _require_match(environ["HTTP_IF_MATCH"], release)
        response = LeanResponse(self.serializer.to_representation(run_smoke_test()))
        # Pages get no ETag, because each shows when it was made.
        if request.accepted_renderer.format == "json":
            response.headers["ETag"] = release
        return response


class OtherRelease(APIException):
    """412: If-Match does not list the release that responds."""

    status_code = HTTPStatus.PRECONDITION_FAILED


def _require_match(if_match: str, release: str) -> None:
    """Raise OtherRelease unless If-Match lists the release, or is `*` (RFC 9110 13.1.1).

    Anything that is not an entity tag matches nothing, so that a malformed header never passes.
    """
    expected = parse_etags(if_match)
    if not expected:
        raise OtherRelease(
            f"Got If-Match {if_match!r}, expected a release in quotes; this one is {release}."
        )
    if expected != ["*"] and release not in expected:
        raise OtherRelease(f"Got release {release}, expected If-Match: {if_match}.")
