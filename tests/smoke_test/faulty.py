"""Faulty parts of a project: middleware, views, URLconfs and WSGI applications."""

import gzip
import ipaddress
import itertools
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.middleware.cache import UpdateCacheMiddleware
from django.middleware.common import CommonMiddleware
from django.urls import include, path
from django.views.decorators.cache import cache_page
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from smoke_test.contract import BODY
from smoke_test.services import run_smoke_test
from smoke_test.views import SmokeTestView

GetResponse = Callable[[HttpRequest], HttpResponse]
Middleware = Callable[[GetResponse], GetResponse]


def _right_response() -> HttpResponse:
    return HttpResponse(BODY, content_type="application/json")


def _before(act: Callable[[HttpRequest], HttpResponse | None]) -> Middleware:
    """Return a middleware that returns `act`'s response, if there is one."""

    def middleware(get_response: GetResponse) -> GetResponse:
        return lambda request: act(request) or get_response(request)

    return middleware


def _after(act: Callable[[HttpResponse], object]) -> Middleware:
    """Return a middleware that changes responses."""

    def middleware(get_response: GetResponse) -> GetResponse:
        def handle(request: HttpRequest) -> HttpResponse:
            response = get_response(request)
            act(response)
            return response

        return handle

    return middleware


def _refuses(applies: Callable[[HttpRequest], bool], status: int = 403) -> Middleware:
    return _before(lambda request: HttpResponse(status=status) if applies(request) else None)


def _reads(read: Callable[[HttpRequest], object]) -> Middleware:
    def act(request: HttpRequest) -> None:
        read(request)

    return _before(act)


def _uses(call: Callable[[], object]) -> Middleware:
    def act(_request: HttpRequest) -> None:
        call()

    return _before(act)


def _tries(call: Callable[[], object]) -> Middleware:
    """Return a middleware that makes the call and ignores its exceptions."""

    def act(_request: HttpRequest) -> None:
        with suppress(Exception):
            call()

    return _before(act)


# Middleware that refuses some clients.
login = _before(lambda _request: HttpResponseRedirect("/login/"))
login_for_browsers = _before(
    lambda request: (
        HttpResponseRedirect("/login/")
        if "text/html" in request.headers.get("Accept", "")
        else None
    )
)
basic_auth = _refuses(lambda request: "Authorization" not in request.headers, 401)
no_kubelet = _refuses(lambda request: "kube-probe" in request.headers["User-Agent"])
no_balancer = _refuses(lambda request: "ELB" in request.headers["User-Agent"])
no_bots = _refuses(lambda request: "compatible" in request.headers["User-Agent"])
no_missing_accept = _refuses(lambda request: "Accept" not in request.headers, 406)
no_text_accept = _refuses(lambda request: request.headers.get("Accept") == "text/plain", 406)
no_wildcard_accept = _refuses(lambda request: request.headers.get("Accept") == "*/*", 406)
no_head = _refuses(lambda request: request.method == "HEAD", 405)
no_options = _refuses(lambda request: request.method == "OPTIONS", 204)
csrf = _refuses(lambda request: request.method == "POST")
one_host = _refuses(lambda request: request.get_host() != "localhost", 404)
local_only = _refuses(lambda request: not request.META["REMOTE_ADDR"].startswith("127."))
socket_only = _refuses(lambda request: bool(request.META["REMOTE_ADDR"]))
not_modified = _refuses(lambda request: "If-None-Match" in request.headers, 304)
https_only = _before(
    lambda request: (
        HttpResponseRedirect(f"https://{request.get_host()}{request.path}")
        if request.headers.get("X-Forwarded-Proto") == "http"
        else None
    )
)
nginx_only = _refuses(lambda request: "X-Forwarded-Proto" not in request.headers)
foreign_proxy_only = _refuses(lambda request: "X-Forwarded-Host" not in request.headers)


# Middleware that changes the response.
def _wrap(response: HttpResponse) -> None:
    response.content = b'{"data":' + response.content + b"}"


def _compress(response: HttpResponse) -> None:
    response.content = gzip.compress(response.content)
    response["Content-Encoding"] = "gzip"


def _spaces(response: HttpResponse) -> None:
    if response["Content-Type"] == "application/json":
        response.content = json.dumps(json.loads(response.content)).encode()


def _drop_if_match(request: HttpRequest) -> None:
    request.META.pop("HTTP_IF_MATCH", None)


def _title(response: HttpResponse) -> None:
    response.content = response.content.replace(b"<title>", b"<title>Staging ")


def _state(response: HttpResponse) -> None:
    response.content = response.content.replace(b'data-state="ok"', b'data-state="failed"')


def _cache_404(response: HttpResponse) -> None:
    if response.status_code == 404:
        response["Cache-Control"] = "max-age=60"


def _empty_405(response: HttpResponse) -> None:
    if response.status_code == 405:
        response.content = b""


def _set(name: str, value: str) -> Middleware:
    return _after(lambda response: response.headers.__setitem__(name, value))


def _streams(get_response: GetResponse) -> Callable[[HttpRequest], object]:
    def handle(request: HttpRequest) -> object:
        response = get_response(request)
        headers = {k: v for k, v in response.items() if k != "Content-Length"}
        return StreamingHttpResponse(
            [response.content], status=response.status_code, headers=headers
        )

    return handle


cookie = _after(lambda response: response.set_cookie("sessionid", "1"))
wraps = _after(_wrap)
compresses = _after(_compress)
pretty = _after(_spaces)
other_title = _after(_title)
other_state = _after(_state)
cacheable = _set("Cache-Control", "max-age=60")
caches_404 = _after(_cache_404)
empties_405 = _after(_empty_405)
ignores_if_match = _before(_drop_if_match)
other_etag = _set("ETag", 'W/"1"')
charset = _set("Content-Type", "application/json; charset=utf-8")
drops_vary = _after(lambda response: response.headers.pop("Vary", None))
sets_its_own_stamp = _set("X-PetSage-Answered-At", "2026-11-25T00:00:00.000Z")
streams = _streams


# Middleware that responds instead of the view, or makes failures look like successes.
def caches_the_first_response(get_response: GetResponse) -> GetResponse:
    kept: dict[str, HttpResponse] = {}

    def handle(request: HttpRequest) -> HttpResponse:
        if request.path not in kept:
            kept[request.path] = get_response(request)
        return kept[request.path]

    return handle


def _replaces(get_response: GetResponse) -> GetResponse:
    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code == 200 and response["Content-Type"] == "application/json":
            response.content = BODY
        return response

    return handle


class Swallows:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, _request: HttpRequest, _error: Exception) -> HttpResponse:
        return _right_response()


def hides_errors(get_response: GetResponse) -> GetResponse:
    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        return response if response.status_code < 500 else _right_response()

    return handle


def fails_once(get_response: GetResponse) -> GetResponse:
    def handle(request: HttpRequest) -> HttpResponse:
        if _failures:
            return get_response(request)
        _failures.append(request.path)
        return HttpResponse(status=503)

    return handle


_failures: list[str] = []


def _hides_errors_from(applies: Callable[[HttpRequest], bool]) -> Middleware:
    def middleware(get_response: GetResponse) -> GetResponse:
        def handle(request: HttpRequest) -> HttpResponse:
            response = get_response(request)
            hides = response.status_code >= 500 and applies(request)
            return _right_response() if hides else response

        return handle

    return middleware


hides_errors_from_kubelet = _hides_errors_from(
    lambda request: "kube" in request.headers.get("User-Agent", "")
)
hides_errors_from_head = _hides_errors_from(lambda request: request.method == "HEAD")


def caches_by_host(get_response: GetResponse) -> GetResponse:
    kept: dict[str, HttpResponse] = {}

    def handle(request: HttpRequest) -> HttpResponse:
        host = request.get_host()
        if host == "localhost":
            return get_response(request)
        return kept.setdefault(host, kept.get(host) or get_response(request))

    return handle


def fails_from_the_second_request_on(get_response: GetResponse) -> GetResponse:
    count = itertools.count()

    def handle(request: HttpRequest) -> HttpResponse:
        if next(count):
            raise RuntimeError("one treat is enough")
        return get_response(request)

    return handle


def fails_at_random(get_response: GetResponse) -> GetResponse:
    def handle(request: HttpRequest) -> HttpResponse:
        return get_response(request) if next(_turns) % 7 else HttpResponse(status=503)

    return handle


_turns = itertools.count()


def in_a_thread(get_response: GetResponse) -> GetResponse:
    def handle(request: HttpRequest) -> HttpResponse:
        with ThreadPoolExecutor(1) as executor:
            return executor.submit(get_response, request).result()

    return handle


def _raise_secrets(_request: HttpRequest) -> None:
    raise RuntimeError("cannot reach postgres://petsage:hunter2@db/petsage \x1b[31m \u202e")


raises_secrets = _before(_raise_secrets)


def receiver_that_uses_the_cache(**_: object) -> None:
    cache.get("visitors")


responds_itself = _before(lambda _request: _right_response())
replaces_the_body = _replaces


# Middleware that raises, exits or waits.
def _raise(_request: HttpRequest) -> None:
    raise RuntimeError("out of treats")


def refuses_to_load(_get_response: GetResponse) -> GetResponse:
    raise RuntimeError("out of\ntreats")


def exits_on_load(_get_response: GetResponse) -> GetResponse:
    sys.exit(0)


raises = _before(_raise)
needs_an_address = _reads(lambda request: ipaddress.ip_address(request.META["REMOTE_ADDR"]))
needs_a_nonce = _reads(lambda request: request.headers["X-PetSage-Nonce"])
needs_an_accept = _reads(lambda request: request.headers["Accept"])
exits = _uses(lambda: sys.exit(0))
exits_immediately = _uses(lambda: os._exit(0))
sleeps = _uses(lambda: time.sleep(2))

# Middleware that uses databases, caches, the network, processes or files.
queries = _uses(lambda: connection.ensure_connection())
tries_a_query = _tries(lambda: connection.ensure_connection())
opens_sqlite = _tries(lambda: sqlite3.connect(":memory:"))
counts_requests = _uses(lambda: cache.get_or_set("count", 0))
clears_the_cache = _uses(lambda: cache.clear())
tries_the_cache = _tries(lambda: cache.set("count", 1))
resolves = _tries(lambda: socket.getaddrinfo("flags.petsage.example", 443))
connects = _tries(lambda: socket.create_connection(getattr(settings, "SERVICE", ("127.0.0.1", 9))))


def provides_a_user(get_response: GetResponse) -> GetResponse:
    def handle(request: HttpRequest) -> HttpResponse:
        request.META["petsage.user"] = lambda: cache.get("user")
        return get_response(request)

    return handle


# Works only with the one above, which does nothing alone.
reads_the_user = _reads(lambda request: request.META["petsage.user"]())


def caches_the_page(get_response: GetResponse) -> GetResponse:
    kept: list[HttpResponse] = []

    def handle(request: HttpRequest) -> HttpResponse:
        if "text/html" not in request.headers.get("Accept", ""):
            return get_response(request)
        if not kept:
            kept.append(get_response(request))
        return kept[0]

    return handle


def _send_a_metric() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as metrics:
        metrics.sendto(b"requests:1|c", ("127.0.0.1", 8125))


def _in_a_thread(call: Callable[[], None]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def _try_to_exit() -> None:
    with suppress(SystemExit):
        os._exit(0)


exits_from_a_thread = _uses(lambda: _in_a_thread(_try_to_exit))


def _try_to_send_a_metric() -> None:
    with suppress(OSError):
        _send_a_metric()


sends_a_metric = _tries(_send_a_metric)
sends_a_metric_from_a_thread = _uses(lambda: _in_a_thread(_try_to_send_a_metric))
starts_a_process = _tries(lambda: subprocess.run(["/bin/true"], check=False))
makes_a_directory = _uses(lambda: Path(__file__).parent.mkdir(exist_ok=True))
signals = _tries(lambda: os.kill(os.getpid(), signal.SIGURG))
reads_a_file = _uses(lambda: Path(__file__).read_bytes())


class CacheMiddleware(UpdateCacheMiddleware):
    """A project's own cache middleware, with a different name."""


class PermanentRedirects(CommonMiddleware):
    """Django's own redirect, 301."""


KUBELET = re.compile("kube-probe")


# Views, decorators and URLconfs.
class Constant(SmokeTestView):
    def get(self, _request: Request) -> Response:
        return Response({"status": "ok", "details": "PetSage smoke test feature is operational."})


class Caught(SmokeTestView):
    def get(self, request: Request) -> Response:
        try:
            return super().get(request)
        except Exception:  # noqa: BLE001 - the fault
            return Response(json.loads(BODY))


class Created(SmokeTestView):
    def get(self, request: Request) -> Response:
        response = super().get(request)
        response.status_code = 201
        return response


class Queries(SmokeTestView):
    def get(self, request: Request) -> Response:
        connection.ensure_connection()
        return super().get(request)


class Extended(SmokeTestView):
    def get(self, _request: Request) -> Response:
        return Response({"status": run_smoke_test().status, "details": "", "version": 2})


class ThrottledByMethod(SmokeTestView):
    def get_throttles(self) -> list[BaseThrottle]:
        return []


class PermittedByMethod(SmokeTestView):
    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny()]


class CheckedByMethod(SmokeTestView):
    def check_throttles(self, request: Request) -> None:
        pass


class Subclass(SmokeTestView):
    """A correct subclass."""


def another_view(_request: HttpRequest, **_: object) -> HttpResponse:
    return HttpResponse("ok")


class Urlconf:
    def __init__(self, *urlpatterns: Any, **handlers: Any) -> None:
        self.urlpatterns = urlpatterns
        self.handler500 = "petsage_project.errors.server_error"
        self.__dict__.update(handlers)


OUR_ROUTE = path("smoke-test/", include("smoke_test.urls"))


def routed(view: type[SmokeTestView], **policy: Any) -> Urlconf:
    return Urlconf(path("smoke-test/", view.as_view(**policy)))


def decorated(decorate: Callable[[Any], Any]) -> Urlconf:
    view = SmokeTestView.as_view()
    decorated_view = decorate(view)
    # As functools.wraps does.
    decorated_view.__dict__.update(view.__dict__)
    return Urlconf(path("smoke-test/", decorated_view))


def with_login(_view: Any) -> Any:
    return lambda _request: HttpResponseRedirect("/login/")


def catching(view: Any) -> Any:
    def decorated_view(request: HttpRequest) -> HttpResponse:
        try:
            response: HttpResponse = view(request)
        except Exception:  # noqa: BLE001 - the fault
            return _right_response()
        return response

    return decorated_view


def constant(_view: Any) -> Any:
    return lambda _request: _right_response()


for_a_minute = cache_page(60)


def handler_that_raises(_request: HttpRequest, **_: object) -> HttpResponse:
    raise RuntimeError("no page of errors")


def handler_that_returns_200(_request: HttpRequest, **_: object) -> HttpResponse:
    return HttpResponse("Sorry!")


def handler_that_returns_503(_request: HttpRequest, **_: object) -> HttpResponse:
    return HttpResponse("Sorry!", status=503)


def exception_handler(_error: Exception, _context: object) -> Response:
    return Response({"status": "ok"})


# WSGI applications.
Start = Callable[..., Any]


def constant_application(_environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [BODY]


def without_a_response(_environ: dict[str, Any], _start_response: Start) -> Iterable[bytes]:
    return []
