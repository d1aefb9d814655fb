from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from smoke_test.middleware import ANSWERED_AT_HEADER, RELEASE_HEADER
from smoke_test.negotiation import AcceptNegotiation
from smoke_test.renderers import SmokeTestPageRenderer
from smoke_test.serializers import ErrorSerializer, SmokeTestSerializer
from smoke_test.services import run_smoke_test


# In the view, not only in the middleware: Django's own cache middleware stands between the two.
@method_decorator(cache_control(no_store=True), name="dispatch")
class SmokeTestView(APIView):
    """Confirms that PetSage answers and that the way to it works.

    Read-only and open to all. Nothing behind this answer is asked: no database, no other service.
    """

    # Written out, so that no project-wide default can make a healthy process look dead.
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = (JSONRenderer, SmokeTestPageRenderer)
    content_negotiation_class = AcceptNegotiation

    @extend_schema(
        operation_id="perform_smoke_test",
        summary="Perform a system smoke test",
        description=(
            "This endpoint verifies that the PetSage API is responsive and the feature deployment "
            "pipeline is working correctly. It is a simple, safe health check."
        ),
        tags=["Health & Status"],
        responses={
            200: OpenApiResponse(SmokeTestSerializer, "PetSage is up."),
            405: OpenApiResponse(ErrorSerializer, "The smoke test is read-only."),
        },
        examples=[
            OpenApiExample(
                "ok",
                value={"status": "ok", "details": "PetSage smoke test feature is operational."},
                response_only=True,
                status_codes=["200"],
            ),
            OpenApiExample(
                "method not allowed",
                value={"detail": 'Method "POST" not allowed.'},
                response_only=True,
                status_codes=["405"],
            ),
        ],
        parameters=[
            OpenApiParameter("format", exclude=True),
            OpenApiParameter(
                "Allow",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="The methods that are allowed.",
                response=[405],
            ),
            OpenApiParameter(
                RELEASE_HEADER,
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="Which build answers.",
                response=True,
            ),
            OpenApiParameter(
                ANSWERED_AT_HEADER,
                OpenApiTypes.DATETIME,
                OpenApiParameter.HEADER,
                description="When this answer was made, UTC.",
                response=True,
            ),
        ],
    )
    def get(self, _request: Request) -> Response:
        return Response(SmokeTestSerializer(run_smoke_test()).data)
