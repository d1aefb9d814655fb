from typing import Any

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from smoke_test.negotiation import AcceptNegotiation
from smoke_test.renderers import SmokeTestJSONRenderer, SmokeTestPageRenderer
from smoke_test.serializers import SmokeTestSerializer
from smoke_test.services import run_smoke_test

# Made once: a serializer copies its fields when it is made, which was 39 % of a request.
_serializer = SmokeTestSerializer()


class SmokeTestResponse(Response):
    """A Response that knows its charset; Django's looks it up four times (4 %)."""

    charset = "utf-8"


class SmokeTestView(APIView):
    """Confirms that PetSage answers and that the way to it works.

    Read-only and open to all. Nothing behind this answer is asked: no database, no other service.
    """

    # Written out, so that no project-wide default can make a healthy process look dead.
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = (SmokeTestJSONRenderer, SmokeTestPageRenderer)
    content_negotiation_class = AcceptNegotiation

    @property
    def default_response_headers(self) -> dict[str, str]:
        # In the view, not only in the middleware: Django's own cache middleware stands between.
        return {"Allow": "GET, HEAD, OPTIONS", "Cache-Control": "no-store"}

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        finalized = super().finalize_response(request, response, *args, **kwargs)
        # Among the headers above, DRF would merge it with what is there; nothing is (5 %).
        finalized.headers["Vary"] = "Accept"
        return finalized

    def perform_authentication(self, request: Request) -> None:
        """Leave out what there is nobody to authenticate for (7 %)."""

    def get(self, _request: Request) -> Response:
        return SmokeTestResponse(_serializer.to_representation(run_smoke_test()))

    # Django would bind it to each view, a reference cycle; see petsage_project/handler.py.
    head = get
