"""Views of the project itself; each feature has its own app."""

from django.conf import settings
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from petsage_project.middleware import policy_header


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


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI, from this server; its style sheet has its arrows as `data:` images."""

    url_name = "openapi"

    @property
    def default_response_headers(self) -> dict[str, str]:
        policy = settings.SECURE_CSP | {"img-src": ["'self'", "data:"]}
        headers: dict[str, str] = super().default_response_headers
        return headers | {"Content-Security-Policy": policy_header(policy)}
