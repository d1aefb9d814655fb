"""What makes the answer fast changes nothing of it, and gives way to what a project may add."""

import gc
import inspect
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connections, reset_queries
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
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

from smoke_test.negotiation import AcceptNegotiation
from smoke_test.renderers import SmokeTestPageRenderer
from smoke_test.serializers import SmokeTestSerializer
from smoke_test.services import run_smoke_test
from smoke_test.speed import (
    Handler,
    LeanJSONRenderer,
    break_cycles,
    disconnect_idle_receivers,
)
from smoke_test.views import SmokeTestView
from tests.conftest import ROOT

Answer = tuple[str, dict[str, str], bytes]


@method_decorator(cache_control(no_store=True), name="dispatch")
class PlainView(APIView):
    """The smoke test as one would write it who does not count microseconds."""

    name = "Smoke Test"
    description = inspect.getdoc(SmokeTestView)
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = (JSONRenderer, SmokeTestPageRenderer)
    content_negotiation_class = AcceptNegotiation

    def get(self, _request: Request) -> Response:
        return Response(SmokeTestSerializer(run_smoke_test()).data)


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


def _ask(handler: WSGIHandler, target: str = "/smoke-test/", **environ: str) -> Answer:
    sent: list[tuple[str, dict[str, str]]] = []
    path_info, _, query = target.partition("?")
    asked: dict[str, Any] = {"PATH_INFO": path_info, "QUERY_STRING": query} | environ
    setup_testing_defaults(asked)
    asked["HTTP_HOST"] = environ.get("HTTP_HOST", "localhost")

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
        sent.append((status, dict(headers)))

    response = handler(asked, start_response)
    body = b"".join(response)
    response.close()
    break_cycles(response)
    [(status, headers)] = sent
    headers.pop("X-PetSage-Answered-At", None)
    return status, headers, body


REQUESTS = [
    ("/smoke-test/", {}),
    ("/smoke-test/?format=api", {}),
    ("/smoke-test/", {"HTTP_ACCEPT": "text/plain"}),
    ("/smoke-test/", {"REQUEST_METHOD": "HEAD"}),
    ("/smoke-test/", {"REQUEST_METHOD": "OPTIONS"}),
    ("/smoke-test/", {"REQUEST_METHOD": "POST"}),
    ("/smoke-test/", {"HTTP_HOST": "evil.example"}),
    ("/smoke-test", {"REQUEST_METHOD": "POST"}),
    ("/nowhere/", {}),
    ("/", {}),
    ("/openapi.json", {}),
    ("/docs/", {"HTTP_ACCEPT": "text/html"}),
]


@pytest.mark.parametrize(("target", "environ"), REQUESTS)
def test_our_handler_answers_like_djangos(target: str, environ: dict[str, str]) -> None:
    ours = Handler()

    first, again = _ask(ours, target, **environ), _ask(ours, target, **environ)

    djangos = _ask(WSGIHandler(), target, **environ)
    if "format=api" in target:
        # The page says when it was made.
        first, again, djangos = ((*answer[:1], {}, b"") for answer in (first, again, djangos))
    assert first == again == djangos


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "TRACE"])
@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/plain"])
@override_settings(ROOT_URLCONF=__name__)
def test_our_view_answers_like_a_plain_apiview(client: Client, method: str, accept: str) -> None:
    ours, plain = (
        client.generic(method, target, headers={"accept": accept})
        for target in ("/smoke-test/", "/plain/")
    )

    stamp = {"X-PetSage-Answered-At": ""}
    assert ours.status_code == plain.status_code
    assert ours.content == plain.content
    assert dict(ours.headers) | stamp == dict(plain.headers) | stamp


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


# DRF renders None as an empty body; no answer of ours is None.
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
    handler = Handler()

    statuses = [_ask(handler, target)[0] for target in ("/denies/?elsewhere", "/denies/") * 2]

    assert statuses == ["403 Forbidden", "404 Not Found"] * 2


@override_settings(ROOT_URLCONF=Translated, USE_I18N=True, MIDDLEWARE=[])
def test_a_path_can_still_depend_on_the_language() -> None:
    handler = Handler()

    statuses = []
    for language in ("de", "en"):
        with override_settings(LANGUAGE_CODE=language):
            statuses.append(_ask(handler, "/de/smoke-test/")[0])

    assert statuses == ["200 OK", "404 Not Found"]


@pytest.fixture
def signals() -> Iterator[None]:
    """Give the signals of a request back as they were."""
    before = {signal: list(signal.receivers) for signal in (request_started, request_finished)}
    yield
    for signal, receivers in before.items():
        signal.receivers = receivers
        signal.sender_receivers_cache.clear()


def _connected() -> set[Any]:
    return {
        (signal, receiver[1]())
        for signal in (request_started, request_finished)
        for receiver in signal.receivers
    }


DATABASE = {
    (request_started, reset_queries),
    (request_started, close_old_connections),
    (request_finished, close_old_connections),
}
CACHES = {(request_finished, close_caches)}


@pytest.mark.usefixtures("signals")
def test_without_database_and_caches_nothing_tidies_up_after_a_request() -> None:
    idle = DATABASE | CACHES | {(request_finished, reset_urlconf)}
    assert idle <= _connected()

    disconnect_idle_receivers()

    assert not idle & _connected()


@pytest.mark.usefixtures("signals")
def test_with_a_database_its_receivers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings, "pets", {"ENGINE": "django.db.backends.sqlite3"})

    disconnect_idle_receivers()

    assert _connected() & (DATABASE | CACHES) == DATABASE


@pytest.mark.usefixtures("signals")
def test_with_a_cache_its_receiver_stays(settings: Settings) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache"}
    }

    disconnect_idle_receivers()

    assert _connected() & (DATABASE | CACHES) == CACHES


def test_a_request_creates_no_reference_cycles() -> None:
    handler = Handler()
    _ask(handler)
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            _ask(handler)

        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.process
def test_a_worker_loads_the_views_on_startup_but_not_the_schema() -> None:
    modules = ["smoke_test.views", "smoke_test.schema", "drf_spectacular.openapi"]
    code = f"import sys, deploy.worker; print([m for m in {modules} if m in sys.modules])"

    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert loaded.stdout == "['smoke_test.views']\n"
