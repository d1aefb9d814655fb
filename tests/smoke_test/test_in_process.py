"""The in-process probe sends the requests of real clients behind our nginx."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus

import pytest
from django.core.cache import cache
from django.core.checks import run_checks
from django.http import HttpRequest, HttpResponse
from pytest_django import Settings

from benchmarks.processes import cpu_seconds_of
from petsage_project.settings import MIDDLEWARE
from smoke_test.in_process.client import Client
from smoke_test.in_process.requests import Request
from smoke_test.in_process.shallowness import Call, recorded_calls
from smoke_test.probe.deadline import Deadline
from tests.conftest import ROOT
from tests.polling import wait_until

Seen = dict[str, str]

_seen: list[Seen] = []

# The client's headers that nginx forwards.
CLIENT_HEADERS = {
    "HTTP_ACCEPT",
    "HTTP_ACCEPT_ENCODING",
    "HTTP_AUTHORIZATION",
    "HTTP_COOKIE",
    "HTTP_IF_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_NONE_MATCH",
    "HTTP_USER_AGENT",
    "HTTP_X_PETSAGE_NONCE",
}


def records(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    def handle(request: HttpRequest) -> HttpResponse:
        _seen.append({name: str(value) for name, value in request.META.items()})
        return get_response(request)

    return handle


@pytest.fixture
def seen(settings: Settings) -> list[Seen]:
    """Return the requests of `check --deploy` to this project, as WSGI environments."""
    settings.WSGI_APPLICATION = "tests.smoke_test.fresh_wsgi.application"
    settings.MIDDLEWARE = [MIDDLEWARE[0], f"{__name__}.records", *MIDDLEWARE[1:]]
    settings.ALLOWED_HOSTS = ["petsage.example", ".petsage.test", "[2001:db8::1]"]
    _seen.clear()

    assert run_checks(tags=["smoke_test"], include_deployment_checks=True) == []
    return _seen


def test_a_hung_request_that_ends_late_does_not_affect_the_next_one() -> None:
    exit_at_once = os._exit

    def record() -> list[Call]:
        with ExitStack() as late:
            late.enter_context(recorded_calls())
            with recorded_calls() as calls:
                late.close()
                cache.get("key")
        return calls

    # In a thread, because recorded_calls() replaces its thread's caches.
    with ThreadPoolExecutor(1) as executor:
        calls = executor.submit(record).result()

    assert [call.resource for call in calls] == ["cache"]
    assert os._exit is exit_at_once


def takes_turns(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    """Use 20 ms of the first processor, with the lowest priority."""

    def handle(request: HttpRequest) -> HttpResponse:
        # On Linux, these affect only this thread.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        os.setpriority(os.PRIO_PROCESS, 0, 19)
        end = time.thread_time() + 0.02
        while time.thread_time() < end:
            pass
        return get_response(request)

    return handle


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts how long a thread waits")
def test_waiting_for_a_processor_does_not_count_as_slow(settings: Settings) -> None:
    settings.MIDDLEWARE = [*MIDDLEWARE, f"{__name__}.takes_turns"]
    settings.WSGI_APPLICATION = None
    deadline = Deadline(float("inf"), lambda: None)
    busy = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nwhile True: pass"

    with subprocess.Popen([sys.executable, "-c", busy]) as other, Client(deadline) as client:
        try:
            wait_until(lambda: cpu_seconds_of(other.pid) > 0.2, "it is busy")
            answer = client.send(Request("a busy machine", "localhost"))
        finally:
            other.kill()

    assert answer.exchange.status == HTTPStatus.OK
    # It took longer than its limit.
    assert answer.exchange.timings.total > 1000 * Request("", "").limit_s


def _values(seen: list[Seen], name: str) -> set[str]:
    return {request.get(name, "none") for request in seen}


def test_a_request_has_exactly_the_headers_that_nginx_sets(seen: list[Seen]) -> None:
    configuration = (ROOT / "deploy/nginx/proxy.conf").read_text()
    set_by_nginx = re.findall(r'^proxy_set_header (\S+) (?!"")', configuration, re.MULTILINE)
    expected = {f"HTTP_{name.upper().replace('-', '_')}" for name in set_by_nginx} | {"HTTP_HOST"}

    by_nginx = [request for request in seen if "HTTP_X_FORWARDED_PROTO" in request]

    # One request is without nginx, and it is repeated with a failing view.
    assert len(by_nginx) == len(seen) - 2
    for request in by_nginx:
        headers = {name for name in request if name.startswith("HTTP_")}
        assert headers - CLIENT_HEADERS == expected


def test_the_requests_cover_many_kinds_of_clients(seen: list[Seen]) -> None:
    assert _values(seen, "REQUEST_METHOD") == {"GET", "HEAD", "OPTIONS", "POST"}
    assert _values(seen, "HTTP_HOST") == {"petsage.example", "petsage.test", "[2001:db8::1]"}
    assert _values(seen, "HTTP_X_FORWARDED_PROTO") == {"http", "https", "none"}
    assert _values(seen, "wsgi.url_scheme") == {"http", "https"}
    assert _values(seen, "REMOTE_ADDR") == {"", "192.0.2.7", "2001:db8::7"}
    assert _values(seen, "SERVER_PROTOCOL") == {"HTTP/1.1"}
    assert {"*/*", "none", "text/plain", "application/json"} < _values(seen, "HTTP_ACCEPT")
    agents = " ".join(_values(seen, "HTTP_USER_AGENT"))
    assert all(agent in agents for agent in ("kube-probe", "ELB-HealthChecker", "Mozilla"))
