"""Error handlers: JSON, or an HTML page for clients that prefer HTML.

They reveal no code, path, setting or version; the log has the reason.
"""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from django.views import defaults

from smoke_test.negotiation import prefers_page


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _negotiate(request, defaults.bad_request(request, exception), "Bad request.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    page = defaults.permission_denied(request, exception)
    return _negotiate(request, page, "Permission denied.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _negotiate(request, defaults.page_not_found(request, exception), "Not found.")


def server_error(request: HttpRequest) -> HttpResponse:
    return _negotiate(request, defaults.server_error(request), "Server error.")


def _negotiate(request: HttpRequest, page: HttpResponse, detail: str) -> HttpResponse:
    response = page
    if not prefers_page(request):
        response = JsonResponse(
            {"detail": detail},
            status=page.status_code,
            json_dumps_params={"separators": (",", ":")},
        )
    patch_vary_headers(response, ["Accept"])
    return response
