import time
from collections.abc import Callable
from pathlib import Path

from django.http import HttpRequest, HttpResponse


class HoldMiddleware:
    """Create the file X-Hold-Begun, then block the worker's only thread for X-Hold seconds."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "X-Hold" in request.headers:
            Path(request.headers["X-Hold-Begun"]).touch()
            time.sleep(float(request.headers["X-Hold"]))
        return self.get_response(request)
