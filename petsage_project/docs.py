"""The OpenAPI document and its page, loaded at the first request for them; see urls.py."""

from django.conf import settings
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from petsage_project.middleware import policy_header


class OpenApiView(SpectacularAPIView):
    """The OpenAPI schema, as application/json unless the client prefers OpenAPI's own type."""

    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer]  # noqa: RUF012 - its type


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI, served from here; its style sheet contains arrows as `data:` images."""

    url_name = "openapi"

    @property
    def default_response_headers(self) -> dict[str, str]:
        policy = settings.SECURE_CSP | {"img-src": ["'self'", "data:"]}
        headers: dict[str, str] = super().default_response_headers
        return headers | {"Content-Security-Policy": policy_header(policy)}
