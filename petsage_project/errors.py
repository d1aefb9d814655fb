"""The answers of last resort: JSON, or Django's plain page for who prefers HTML.

They say nothing of code, paths, settings or versions; the reason is in the log.
"""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from django.views import defaults

from smoke_test.negotiation import preferred


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    page = defaults.bad_request(request, exception)
    return _negotiate(request, page, "Bad request.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    page = defaults.permission_denied(request, exception)
    return _negotiate(request, page, "Permission denied.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    page = defaults.page_not_found(request, exception)
    return _negotiate(request, page, "Not found.")


def server_error(request: HttpRequest) -> HttpResponse:
    page = defaults.server_error(request)
    return _negotiate(request, page, "Server error.")


def _json(status: int, detail: str) -> JsonResponse:
    return JsonResponse(
        {"detail": detail}, status=status, json_dumps_params={"separators": (",", ":")}
    )


def _negotiate(request: HttpRequest, page: HttpResponse, detail: str) -> HttpResponse:
    accept = request.headers.get("Accept", "")
    wants_page = preferred(accept, ("application/json", "text/html")) == "text/html"
    response = page if wants_page else _json(page.status_code, detail)
    patch_vary_headers(response, ["Accept"])
    return response
