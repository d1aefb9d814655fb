"""The smoke test's part of the OpenAPI document.

It is separate from the view because workers do not need it: drf-spectacular takes 4 MiB and 50 ms.
"""

from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)

from smoke_test.contract import ANSWERED_AT_HEADER, RELEASE_HEADER
from smoke_test.serializers import ErrorSerializer, SmokeTestSerializer
from smoke_test.views import SmokeTestView

_DESCRIPTION = extend_schema(
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
        412: OpenApiResponse(
            ErrorSerializer, "If-Match does not list the release that responded."
        ),
    },
    examples=[
        OpenApiExample(
            "ok",
            value={"status": "ok", "details": "PetSage smoke test feature is operational."},
            response_only=True,
            status_codes=["200"],
        ),
        OpenApiExample(
            "another release",
            value={"detail": 'Got release "4f2c9e1", expected If-Match: "8d30c12".'},
            response_only=True,
            status_codes=["412"],
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
            "ETag",
            OpenApiTypes.STR,
            OpenApiParameter.HEADER,
            description=(
                "The release that responded, in quotes. A request with If-Match (RFC 9110, "
                "13.1.1) gets 412 unless it lists this value or is `*`."
            ),
            response=[200],
        ),
        OpenApiParameter(
            "Allow",
            OpenApiTypes.STR,
            OpenApiParameter.HEADER,
            description="The allowed methods.",
            response=[405],
        ),
        OpenApiParameter(
            RELEASE_HEADER,
            OpenApiTypes.STR,
            OpenApiParameter.HEADER,
            description="The release that responded.",
            response=True,
        ),
        OpenApiParameter(
            ANSWERED_AT_HEADER,
            OpenApiTypes.DATETIME,
            OpenApiParameter.HEADER,
            description="When this response was made, UTC.",
            response=True,
        ),
    ],
)


class SmokeTestViewExtension(OpenApiViewExtension):  # type: ignore[no-untyped-call] # its base's
    """Describes SmokeTestView; drf-spectacular finds it once this module is imported."""

    target_class = SmokeTestView

    def view_replacement(self) -> type[SmokeTestView]:
        @extend_schema_view(get=_DESCRIPTION)
        class Described(SmokeTestView):
            __doc__ = SmokeTestView.__doc__

        return Described
