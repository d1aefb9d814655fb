"""The speed code changes no answer, and switches itself off for what a project may add."""

import gc
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connections, reset_queries
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.test.client import ClientHandler
from django.urls import LocalePrefixPattern, URLResolver, include, path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from smoke_test.contract import ANSWERED_AT_HEADER, BODY
from smoke_test.negotiation import AcceptNegotiation
from smoke_test.renderers import SmokeTestPageRenderer
from smoke_test.serializers import SmokeTestSerializer
from smoke_test.services import run_smoke_test
from smoke_test.speed import (
    Handler,
    LeanJSONRenderer,
    disconnect_idle_receivers,
)
from smoke_test.views import SmokeTestView
from tests.conftest import ROOT
from tests.smoke_test import fresh_wsgi


@method_decorator(cache_control(no_store=True), name="dispatch")
class PlainView(APIView):
    """The smoke test without the code for speed."""

    name = "Smoke Test"
    description = inspect.getdoc(SmokeTestView)
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = (JSONRenderer, SmokeTestPageRenderer)
    content_negotiation_class = AcceptNegotiation

    def get(self, _request: Request) -> Response:
        return Response(SmokeTestSerializer(run_smoke_test()).data, headers={"ETag": '"unknown"'})


class Translated:
    urlpatterns = (
        URLResolver(LocalePrefixPattern(), [path("smoke-test/", SmokeTestView.as_view())]),
    )


def elsewhere_middleware(get_response: Any) -> Any:
    def middleware(request: HttpRequest) -> HttpResponse:
        if "elsewhere" in request.GET:
            request.urlconf = "tests.settings.urls_breakable"
        response: HttpResponse = get_response(request)
        return response

    return middleware


urlpatterns = [
    path("smoke-test/", include("smoke_test.urls")),
    path("plain/", PlainView.as_view()),
]


class OurClientHandler(ClientHandler, Handler):  # type: ignore[misc]
    """Django's handler of the test client, which resolves paths as ours does."""


def _client(handler: type[ClientHandler]) -> Client:
    client = Client()
    client.handler = handler()
    return client


def _content(response: Any) -> tuple[int, dict[str, str], bytes]:
    """Return the status, the headers and the body, without what changes from one to the next."""
    headers = {name: value for name, value in response.items() if name != ANSWERED_AT_HEADER}
    if response["Content-Type"].startswith("text/html"):
        # The page shows when it was made.
        return response.status_code, headers, b""
    return response.status_code, headers, response.content


REQUESTS = [
    ("GET", "/smoke-test/", {}),
    ("GET", "/smoke-test/?format=api", {}),
    ("GET", "/smoke-test/", {"accept": "text/plain"}),
    ("HEAD", "/smoke-test/", {}),
    ("OPTIONS", "/smoke-test/", {}),
    ("POST", "/smoke-test/", {}),
    ("GET", "/smoke-test/", {"host": "evil.example"}),
    ("POST", "/smoke-test", {}),
    ("GET", "/nowhere/", {}),
    ("GET", "/", {}),
    ("GET", "/openapi.json", {}),
    ("GET", "/docs/", {"accept": "text/html"}),
]


@pytest.mark.parametrize(("method", "target", "headers"), REQUESTS)
def test_our_handler_answers_like_djangos(
    method: str, target: str, headers: dict[str, str]
) -> None:
    ours, djangos = _client(OurClientHandler), _client(ClientHandler)

    first, again, expected = (
        _content(client.generic(method, target, headers=headers))
        for client in (ours, ours, djangos)
    )

    assert first == expected
    # The second time, the path has been resolved already.
    assert again == expected


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "TRACE"])
@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/plain"])
@override_settings(ROOT_URLCONF=__name__)
def test_our_view_answers_like_a_plain_apiview(client: Client, method: str, accept: str) -> None:
    ours, plain = (
        client.generic(method, target, headers={"accept": accept})
        for target in ("/smoke-test/", "/plain/")
    )

    assert _content(ours) == _content(plain)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


# DRF renders None as an empty body, ours as null; the smoke test never returns None.
@given(JSON.filter(lambda value: value is not None))
def test_our_renderer_renders_like_drfs(data: Any) -> None:
    try:
        expected = JSONRenderer().render(data)
    except (UnicodeEncodeError, ValueError) as error:
        with pytest.raises(type(error)):
            LeanJSONRenderer().render(data)
    else:
        # DRF also escapes the two line breaks of JavaScript, which JSON need not (RFC 8259).
        unescaped = expected.replace(b"\\u2028", "\u2028".encode())
        assert LeanJSONRenderer().render(data) == unescaped.replace(b"\\u2029", "\u2029".encode())


@override_settings(MIDDLEWARE=["tests.smoke_test.test_speed.elsewhere_middleware"])
def test_a_middleware_can_still_choose_the_urlconf() -> None:
    client = _client(OurClientHandler)

    statuses = [
        client.get(target).status_code for target in ("/denies/?elsewhere", "/denies/") * 2
    ]

    assert statuses == [HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND] * 2


@override_settings(ROOT_URLCONF=Translated, USE_I18N=True, MIDDLEWARE=[])
def test_a_path_can_still_depend_on_the_language() -> None:
    client = _client(OurClientHandler)

    statuses = []
    for language in ("de", "en"):
        with override_settings(LANGUAGE_CODE=language):
            statuses.append(client.get("/de/smoke-test/").status_code)

    assert statuses == [HTTPStatus.OK, HTTPStatus.NOT_FOUND]


FOR_DATABASES = {
    (request_started, reset_queries),
    (request_started, close_old_connections),
    (request_finished, close_old_connections),
}
FOR_CACHES = {(request_finished, close_caches)}
FOR_URLCONFS = {(request_finished, reset_urlconf)}


@pytest.fixture
def receivers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Connect Django's own receivers, before the test and after it; without a database."""
    monkeypatch.setitem(connections.settings, "default", {"ENGINE": "django.db.backends.dummy"})
    for signal, receiver in FOR_DATABASES | FOR_CACHES | FOR_URLCONFS:
        signal.connect(receiver)
    yield
    for signal, receiver in FOR_DATABASES | FOR_CACHES | FOR_URLCONFS:
        signal.connect(receiver)


def _still_connected() -> set[tuple[Signal, Callable[..., object]]]:
    """Disconnect each receiver, and return those for which there was something to disconnect."""
    return {
        (signal, receiver)
        for signal, receiver in FOR_DATABASES | FOR_CACHES | FOR_URLCONFS
        if signal.disconnect(receiver)
    }


@pytest.mark.usefixtures("receivers")
def test_no_cleanup_runs_without_databases_and_caches() -> None:
    disconnect_idle_receivers()

    assert _still_connected() == set()


@pytest.mark.usefixtures("receivers")
def test_the_cleanup_for_databases_runs_with_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings, "pets", {"ENGINE": "django.db.backends.sqlite3"})

    disconnect_idle_receivers()

    assert _still_connected() == FOR_DATABASES


@pytest.mark.usefixtures("receivers")
def test_the_cleanup_for_caches_runs_with_a_cache(settings: Settings) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache"}
    }

    disconnect_idle_receivers()

    assert _still_connected() == FOR_CACHES


def test_a_request_creates_no_reference_cycles(settings: Settings) -> None:
    # Django's own users and sessions, if the project has them, do.
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if ".contrib." not in name]
    application = fresh_wsgi.application

    def request() -> None:
        environ: dict[str, Any] = {"PATH_INFO": "/smoke-test/"}
        setup_testing_defaults(environ)
        assert application(environ, lambda *_: None) == [BODY]

    request()
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            request()
        unreachable = gc.collect()
    finally:
        gc.enable()

    assert unreachable == 0


@pytest.mark.process
def test_a_worker_loads_the_views_on_startup_but_not_the_schema() -> None:
    modules = ["smoke_test.views", "smoke_test.schema", "drf_spectacular.openapi"]
    code = f"import sys, deploy.worker; print([m for m in {modules} if m in sys.modules])"

    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert loaded.stdout == "['smoke_test.views']\n"
