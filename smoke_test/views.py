from typing import Any

from django.db import connections
from django.db.transaction import non_atomic_requests
from rest_framework.metadata import SimpleMetadata
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from smoke_test.negotiation import AcceptNegotiation
from smoke_test.renderers import SmokeTestPageRenderer
from smoke_test.serializers import SmokeTestSerializer
from smoke_test.services import run_smoke_test
from smoke_test.speed import LeanAPIView, LeanJSONRenderer, LeanResponse


class SmokeTestView(LeanAPIView):
    """Confirms that PetSage is up and that requests reach it.

    Read-only and open to everyone. It uses no database and no other service.
    """

    name = "Smoke Test"

    # Explicit, so that no project-wide default can make a healthy process look dead.
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
        """Return the view, for which ATOMIC_REQUESTS begins no transaction."""
        view: Any = super().as_view(**initkwargs)
        for alias in connections:
            view = non_atomic_requests(using=alias)(view)
        return view

    @property
    def default_response_headers(self) -> dict[str, str]:
        # Cache-Control is set here as well: Django's cache middleware runs inside of ours.
        return {"Allow": "GET, HEAD, OPTIONS", "Cache-Control": "no-store"}

    def get(self, _request: Request) -> Response:
        return LeanResponse(self.serializer.to_representation(run_smoke_test()))
