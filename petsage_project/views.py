"""Views of the project itself; each feature has its own app."""

from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView


@extend_schema(exclude=True)
class ApiRootView(APIView):
    """Intelligent care for your beloved pets. Everything that PetSage offers starts here."""

    name = "PetSage API"

    def get(self, request: Request) -> Response:
        return Response(
            {
                "smoke-test": reverse("smoke-test", request=request),
                "docs": reverse("docs", request=request),
                "openapi": reverse("openapi", request=request),
            }
        )


class OpenApiView(SpectacularAPIView):
    """The OpenAPI schema as JSON, of type application/json unless the client prefers OpenAPI's."""

    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer]  # noqa: RUF012 - its type
