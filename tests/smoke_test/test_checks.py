"""Each fault in the wiring is reported once, with its cause."""

import socket
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.core.signals import request_started
from django.test import Client, override_settings
from django.urls import path
from pytest_django import Settings
from rest_framework.authentication import BasicAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.throttling import AnonRateThrottle

from petsage_project.settings import MIDDLEWARE, REST_FRAMEWORK
from smoke_test.views import SmokeTestView
from tests.smoke_test import faulty
from tests.smoke_test.faulty import OUR_ROUTE, Urlconf, decorated, routed

Changes = dict[str, Any]
# The changed settings, the id of the message, and the setting or class that it blames.
Case = tuple[Changes, str, str]

HEADERS, *OTHERS = MIDDLEWARE
COMMON = "petsage_project.middleware.CommonMiddleware"
REDIRECT: Changes = {"SECURE_SSL_REDIRECT": True}
SITE_CACHE = [
    HEADERS,
    "django.middleware.cache.UpdateCacheMiddleware",
    *OTHERS,
    "django.middleware.cache.FetchFromCacheMiddleware",
]


def _named(name: str) -> str:
    return f"{faulty.__name__}.{name}"


def _middleware(name: str, check_id: str) -> Case:
    """Insert a faulty middleware directly inside the one that adds our headers."""
    return {"MIDDLEWARE": [HEADERS, _named(name), *OTHERS]}, check_id, _named(name)


def _inner(dotted: str) -> Changes:
    return {"MIDDLEWARE": [*MIDDLEWARE, dotted]}


def _urlconf(urlconf: Urlconf, check_id: str) -> Case:
    return {"ROOT_URLCONF": urlconf}, check_id, f"settings.ROOT_URLCONF {urlconf!r}"


def _handler(name: str, handler: str, check_id: str) -> Case:
    return _urlconf(Urlconf(OUR_ROUTE, **{name: _named(handler)}), check_id)


def _view(view: type[SmokeTestView], check_id: str, blamed: str = "", **policy: Any) -> Case:
    blamed = f"{view.__name__}.{blamed}" if blamed else f"{view.__module__}.{view.__name__}"
    return {"ROOT_URLCONF": routed(view, **policy)}, check_id, blamed


def _setting(name: str, value: Any, check_id: str, blamed: str = "") -> Case:
    return {name: value}, check_id, blamed or f"settings.{name}"


SOUND: dict[str, Changes] = {
    "this project": {},
    "a subclass of the view": {"ROOT_URLCONF": routed(faulty.Subclass)},
    "a redirect that exempts the smoke test": REDIRECT
    | {"SECURE_REDIRECT_EXEMPT": [r"^smoke-test/?$"]},
    "a redirect without the middleware that redirects": REDIRECT
    | {"MIDDLEWARE": [name for name in MIDDLEWARE if not name.endswith(".SecurityMiddleware")]},
    "the header of our nginx": {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")},
    "any subdomain as host": {"ALLOWED_HOSTS": [".petsage.example"]},
    "an IPv6 address as host": {"ALLOWED_HOSTS": ["[::1]", "Petsage.Example"]},
    "an error page with 503": {
        "ROOT_URLCONF": Urlconf(OUR_ROUTE, handler500=_named("handler_that_returns_503"))
    },
    "a catch-all after our route": {
        "ROOT_URLCONF": Urlconf(OUR_ROUTE, path("<path:any>/", faulty.another_view))
    },
    "a version in every view": {
        "REST_FRAMEWORK": REST_FRAMEWORK
        | {"DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning"}
    },
    "sessions that no view reads": _inner("django.contrib.sessions.middleware.SessionMiddleware"),
    "a view in a thread": _inner(_named("in_a_thread")),
    "languages": _inner("django.middleware.locale.LocaleMiddleware"),
}

# Reported by `check`, and not reported again by the requests of `check --deploy`.
STATIC: dict[str, Case] = {
    "no route": _urlconf(Urlconf(path("smoketest/", SmokeTestView.as_view())), "E001"),
    "another view that matches first": _urlconf(
        Urlconf(path("<slug:any>/", faulty.another_view), OUR_ROUTE), "E001"
    ),
    "a URLconf that does not import": (
        {"ROOT_URLCONF": "petsage_project.no_urls"},
        "E001",
        "settings.ROOT_URLCONF 'petsage_project.no_urls'",
    ),
    "a URLconf that ends the process": (
        {"ROOT_URLCONF": "tests.settings.urls_exit"},
        "E001",
        "settings.ROOT_URLCONF 'tests.settings.urls_exit'",
    ),
    "no appended slash": _setting("APPEND_SLASH", False, "E002"),
    "no CommonMiddleware": _setting(
        "MIDDLEWARE", [name for name in MIDDLEWARE if name != COMMON], "E002"
    ),
    "no middleware for our headers": _setting("MIDDLEWARE", OTHERS, "E003"),
    "the middleware for our headers last": _setting("MIDDLEWARE", [*OTHERS, HEADERS], "E003"),
    "a redirect of plain http": _setting("SECURE_SSL_REDIRECT", True, "E004"),
    "a redirect that trusts nginx": (
        REDIRECT | {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")},
        "E004",
        "settings.SECURE_SSL_REDIRECT",
    ),
    "the page as the first renderer": _view(
        SmokeTestView,
        "E005",
        "renderer_classes",
        renderer_classes=(BrowsableAPIRenderer, JSONRenderer),
    ),
    "no page renderer": _view(
        SmokeTestView, "E006", "renderer_classes", renderer_classes=(JSONRenderer,)
    ),
    "authentication": _view(
        SmokeTestView,
        "E007",
        "authentication_classes",
        authentication_classes=(BasicAuthentication,),
    ),
    "permissions": _view(
        SmokeTestView, "E007", "permission_classes", permission_classes=(IsAuthenticated,)
    ),
    "throttles": _view(
        SmokeTestView, "E007", "throttle_classes", throttle_classes=(AnonRateThrottle,)
    ),
    "throttles from a method": _view(faulty.ThrottledByMethod, "E007", "get_throttles"),
    "permissions from a method": _view(faulty.PermittedByMethod, "E007", "get_permissions"),
    "a custom check method": _view(faulty.CheckedByMethod, "E007", "check_throttles"),
    "half of a site cache": (
        _inner("django.middleware.cache.FetchFromCacheMiddleware"),
        "E008",
        "settings.MIDDLEWARE",
    ),
    "a subclass of a site cache": (
        _inner(_named("CacheMiddleware")),
        "E008",
        "settings.MIDDLEWARE",
    ),
    "304 for a client's cached copy": (
        _inner("django.middleware.http.ConditionalGetMiddleware"),
        "E010",
        "settings.MIDDLEWARE",
    ),
    "a prefix": _setting("FORCE_SCRIPT_NAME", "/api", "E011"),
    "the header of another proxy": _setting(
        "SECURE_PROXY_SSL_HEADER", ("HTTP_X_SCHEME", "https"), "E012"
    ),
    "compressed pages": (
        _inner("django.middleware.gzip.GZipMiddleware"),
        "W002",
        "settings.MIDDLEWARE",
    ),
}

# Reported only by `check --deploy`, which also reads other settings and sends requests.
DEPLOYED: dict[str, Case] = {
    "no hosts": _setting("ALLOWED_HOSTS", [], "E009"),
    "a URL as host": _setting("ALLOWED_HOSTS", ["https://petsage.example"], "E009"),
    "a port in a host": _setting("ALLOWED_HOSTS", ["petsage.example:443"], "E009"),
    "an IPv6 address without brackets": _setting("ALLOWED_HOSTS", ["::1"], "E009"),
    "every host": _setting("ALLOWED_HOSTS", ["*"], "W001"),
    "an exception": _middleware("raises", "E101"),
    "a middleware that does not load": _middleware("refuses_to_load", "E101"),
    "a middleware that does not exist": _middleware("does_not_exist", "E101"),
    "a required client address": _middleware("needs_an_address", "E101"),
    "a required nonce": _middleware("needs_a_nonce", "E101"),
    "a required Accept": _middleware("needs_an_accept", "E101"),
    "an exception in the second request": _middleware("fails_from_the_second_request_on", "E101"),
    "Django's CommonMiddleware": (
        {"MIDDLEWARE": [*MIDDLEWARE[:-1], "django.middleware.common.CommonMiddleware"]},
        "E102",
        "django.middleware.common.CommonMiddleware",
    ),
    "required users": (
        {
            "MIDDLEWARE": [
                HEADERS,
                "django.contrib.auth.middleware.LoginRequiredMiddleware",
                *OTHERS,
            ]
        },
        "E101",
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ),
    "a handler404 that raises": _handler("handler404", "handler_that_raises", "E101"),
    "a handler500 that raises": _handler("handler500", "handler_that_raises", "E101"),
    "no templates": _setting("TEMPLATES", [], "E101"),
    "exceptions that reach the server": _setting("DEBUG_PROPAGATE_EXCEPTIONS", True, "E102"),
    "no WSGI application": _setting("WSGI_APPLICATION", "petsage_project.asgi.app", "E101"),
    "a login": _middleware("login", "E102"),
    "a login for browsers": _middleware("login_for_browsers", "E102"),
    "a password": _middleware("basic_auth", "E102"),
    "no kubelet": _middleware("no_kubelet", "E102"),
    "no load balancer": _middleware("no_balancer", "E102"),
    "no bots": _middleware("no_bots", "E102"),
    "no request without Accept": _middleware("no_missing_accept", "E102"),
    "no Accept: text/plain": _middleware("no_text_accept", "E102"),
    "no Accept: */*": _middleware("no_wildcard_accept", "E102"),
    "no HEAD": _middleware("no_head", "E102"),
    "a different OPTIONS": _middleware("no_options", "E102"),
    "a token for POST": _middleware("csrf", "E102"),
    "only one host of three": _middleware("one_host", "E102"),
    "only local clients": _middleware("local_only", "E102"),
    "only clients on a socket": _middleware("socket_only", "E102"),
    "not modified": _middleware("not_modified", "E102"),
    "a custom redirect": _middleware("https_only", "E102"),
    "only requests through nginx": _middleware("nginx_only", "E102"),
    "only requests through another proxy": _middleware("foreign_proxy_only", "E102"),
    "a cookie": _middleware("cookie", "E102"),
    "a wrapped body": _middleware("wraps", "E102"),
    "a compressed body": _middleware("compresses", "E102"),
    "pretty JSON": _middleware("pretty", "E102"),
    "a cacheable response": _middleware("cacheable", "E102"),
    "a cacheable 404": _middleware("caches_404", "E102"),
    "a 405 without JSON": _middleware("empties_405", "E102"),
    "another ETag": _middleware("other_etag", "E102"),
    "an ignored precondition": _middleware("ignores_if_match", "E102"),
    "a charset": _middleware("charset", "E102"),
    "no Vary": _middleware("drops_vary", "E102"),
    "a custom stamp": _middleware("sets_its_own_stamp", "E102"),
    "a stream": _middleware("streams", "E102"),
    "a permanent redirect": (
        {"MIDDLEWARE": [*MIDDLEWARE[:-1], _named("PermanentRedirects")]},
        "E102",
        _named("PermanentRedirects"),
    ),
    "www.": _setting("PREPEND_WWW", True, "E102"),
    "refused user agents": _setting("DISALLOWED_USER_AGENTS", [faulty.KUBELET], "E102"),
    "a catch-all that matches /smoke-test": _urlconf(
        Urlconf(OUR_ROUTE, path("<path:any>", faulty.another_view)), "E102"
    ),
    "a login at the route": _urlconf(decorated(faulty.with_login), "E102"),
    "a view that returns 201": _view(faulty.Created, "E102"),
    "a view that returns more keys": _view(faulty.Extended, "E102"),
    "a WSGI application that sets a cookie": _setting(
        "WSGI_APPLICATION", "tests.smoke_test.fresh_wsgi.with_a_cookie", "E102"
    ),
    "a WSGI application without a response": _setting(
        "WSGI_APPLICATION", _named("without_a_response"), "E101"
    ),
    "another title": _middleware("other_title", "E103"),
    "another state": _middleware("other_state", "E103"),
    "no 404": _handler("handler404", "handler_that_returns_503", "E104"),
    "a response from a middleware": _middleware("responds_itself", "E105"),
    "the first response, cached": _middleware("caches_the_first_response", "E105"),
    "the first page, cached": _middleware("caches_the_page", "E105"),
    "a replaced body": _middleware("replaces_the_body", "E105"),
    "a response at the route": _urlconf(decorated(faulty.constant), "E105"),
    "a view that returns a constant": _view(faulty.Constant, "E105"),
    "a WSGI application that responds": _setting(
        "WSGI_APPLICATION", _named("constant_application"), "E105"
    ),
    "swallowed exceptions": _middleware("Swallows", "E106"),
    "errors as successes": _middleware("hides_errors", "E106"),
    "errors as successes for the kubelet": _middleware("hides_errors_from_kubelet", "E106"),
    "errors as successes for HEAD": _middleware("hides_errors_from_head", "E106"),
    "the first response for each host, cached": _middleware("caches_by_host", "E106"),
    "exceptions swallowed at the route": _urlconf(decorated(faulty.catching), "E106"),
    "exceptions swallowed in the view": _view(faulty.Caught, "E106"),
    "an exception handler that returns 200": _setting(
        "REST_FRAMEWORK",
        REST_FRAMEWORK | {"EXCEPTION_HANDLER": _named("exception_handler")},
        "E106",
        "settings.REST_FRAMEWORK['EXCEPTION_HANDLER']",
    ),
    "a handler500 that returns 200": _handler("handler500", "handler_that_returns_200", "E106"),
    "a query": _middleware("queries", "E107"),
    "a query that may fail": _middleware("tries_a_query", "E107"),
    "a database without Django": _middleware("opens_sqlite", "E107"),
    "a query in the view": _view(faulty.Queries, "E107"),
    "a counter in the cache": _middleware("counts_requests", "E108"),
    "a cache that is cleared": _middleware("clears_the_cache", "E108"),
    "a cache that may fail": _middleware("tries_the_cache", "E108"),
    "a cache at the route": _urlconf(decorated(faulty.for_a_minute), "E108"),
    "a cache behind the user": (
        {
            "MIDDLEWARE": [
                HEADERS,
                _named("provides_a_user"),
                _named("reads_the_user"),
                *OTHERS,
            ]
        },
        "E108",
        _named("reads_the_user"),
    ),
    "a name lookup": _middleware("resolves", "E109"),
    "a metric from a thread": _middleware("sends_a_metric_from_a_thread", "E109"),
    "a connection": _middleware("connects", "E109"),
    "a metric": _middleware("sends_a_metric", "E109"),
    "a directory": _middleware("makes_a_directory", "E110"),
    "a file": _middleware("reads_a_file", "E110"),
    "a signal": _middleware("signals", "E113"),
    "an exit at import": (
        {"MIDDLEWARE": [HEADERS, "tests.settings.urls_exit.middleware", *OTHERS]},
        "E112",
        "tests.settings.urls_exit.middleware",
    ),
    "an exit": _middleware("exits", "E112"),
    "an immediate exit": _middleware("exits_immediately", "E112"),
    "an exit from a thread": _middleware("exits_from_a_thread", "E113"),
    "an exit on load": _middleware("exits_on_load", "E112"),
}

# These start a process or wait.
SLOW: dict[str, Case] = {
    "a process": _middleware("starts_a_process", "E113"),
    "a wait": _middleware("sleeps", "E111"),
}

CASES = STATIC | DEPLOYED


@pytest.fixture(autouse=True)
def wsgi_application(settings: Settings) -> None:
    settings.WSGI_APPLICATION = "tests.smoke_test.fresh_wsgi.application"


def _issues(*, deploy: bool = True) -> list[CheckMessage]:
    """Return the messages of `check --tag smoke_test`, with or without --deploy."""
    return run_checks(tags=["smoke_test"], include_deployment_checks=deploy)


def _blamed(issues: list[CheckMessage]) -> list[tuple[str, str]]:
    return [(str(issue.id).removeprefix("smoke_test."), str(issue.obj)) for issue in issues]


@pytest.mark.parametrize("project", SOUND)
def test_a_sound_project_passes_every_check(project: str) -> None:
    with override_settings(**SOUND[project]):
        issues = _issues()

    assert issues == []


@pytest.mark.parametrize("project", CASES)
def test_one_message_names_the_cause_and_its_fix(project: str) -> None:
    changes, check_id, blamed = CASES[project]

    with override_settings(**changes):
        issues = _issues()

    assert _blamed(issues) == [(check_id, blamed)], issues
    assert all(issue.hint for issue in issues)


@pytest.mark.parametrize("project", CASES)
def test_without_deploy_only_static_faults_are_reported(project: str) -> None:
    changes, check_id, blamed = CASES[project]

    with override_settings(**changes):
        issues = _issues(deploy=False)

    assert _blamed(issues) == ([(check_id, blamed)] if project in STATIC else [])


@pytest.mark.process
@pytest.mark.parametrize("project", SLOW)
def test_started_processes_and_waits_are_reported(project: str) -> None:
    changes, check_id, blamed = SLOW[project]

    with override_settings(**changes):
        issues = _issues()

    assert _blamed(issues) == [(check_id, blamed)], issues


def test_a_view_without_renderers_lacks_both() -> None:
    with override_settings(ROOT_URLCONF=routed(SmokeTestView, renderer_classes=())):
        issues = _issues(deploy=False)

    blamed = "SmokeTestView.renderer_classes"
    assert _blamed(issues) == [("E005", blamed), ("E006", blamed)]


def test_each_of_several_causes_is_reported() -> None:
    names = ["raises", "no_kubelet", "tries_the_cache", "no_head"]
    changes = {
        "MIDDLEWARE": [HEADERS, *map(_named, names), *OTHERS],
        "PREPEND_WWW": True,
    }

    with override_settings(**changes):
        issues = _issues()

    assert sorted(_blamed(issues)) == [
        ("E101", _named("raises")),
        ("E102", "settings.PREPEND_WWW"),
        ("E102", _named("no_head")),
        ("E102", _named("no_kubelet")),
        ("E108", _named("tries_the_cache")),
    ]


def test_a_fault_that_happens_only_once_is_reported_as_such() -> None:
    with override_settings(**_inner(_named("fails_once"))):
        issues = _issues()

    assert _blamed(issues) == [("E102", "settings.MIDDLEWARE")]
    assert "it happened only once" in str(issues[0].hint)


def test_the_message_names_request_and_response_and_the_hint_shows_the_fix() -> None:
    with override_settings(**DEPLOYED["a login"][0]):
        [of_middleware] = _issues()
    with override_settings(**DEPLOYED["www."][0]):
        [of_setting] = _issues()

    assert of_middleware.msg == "GET /smoke-test/ (the probe): got 302 to '/login/', expected 200."
    assert f"remove this line from MIDDLEWARE: '{_named('login')}'" in str(of_middleware.hint)
    assert f"({faulty.__file__}:" in str(of_middleware.hint)
    assert of_setting.hint == "PREPEND_WWW = False, Django's default."


def test_a_fault_that_happens_at_random_is_reported_as_such() -> None:
    with override_settings(**_inner(_named("fails_at_random"))):
        issues = _issues()

    assert _blamed(issues) == [("E102", "settings.MIDDLEWARE")]


def test_a_signal_receiver_is_blamed_with_its_line() -> None:
    request_started.connect(faulty.receiver_that_uses_the_cache)
    try:
        [issue] = _issues()
    finally:
        request_started.disconnect(faulty.receiver_that_uses_the_cache)

    assert issue.id == "smoke_test.E108"
    assert str(issue.obj).startswith(f"{faulty.__file__}:")


def test_a_message_shows_no_password_and_no_control_character() -> None:
    with override_settings(**_inner(_named("raises_secrets"))):
        [issue] = _issues()

    assert "hunter2" not in issue.msg
    assert issue.msg.isprintable()


def test_an_exception_is_reported_with_its_line() -> None:
    with override_settings(**DEPLOYED["an exception"][0]):
        [issue] = _issues()

    start = "GET /smoke-test/ (the probe): got RuntimeError: out of treats in "
    assert issue.msg.startswith(f"{start}{faulty.__file__}:")


def test_a_network_call_is_blocked_and_reported_with_its_line() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as service,
        override_settings(SERVICE=service.getsockname(), **DEPLOYED["a connection"][0]),
    ):
        service.setblocking(False)
        [issue] = _issues()

        assert f"socket.getaddrinfo('127.0.0.1') in {faulty.__file__}:" in issue.msg
        with pytest.raises(BlockingIOError):
            service.accept()


def test_a_cache_for_the_whole_site_does_not_cache_the_smoke_test(client: Client) -> None:
    nonces = ["0" * 32, "1" * 32]

    with override_settings(MIDDLEWARE=SITE_CACHE):
        responses = [client.get("/smoke-test/", headers={"x-petsage-nonce": n}) for n in nonces]

    assert [response["X-PetSage-Nonce"] for response in responses] == nonces


def test_the_check_command_runs_our_checks_by_tag() -> None:
    with override_settings(**REDIRECT), pytest.raises(SystemCheckError):
        call_command("check", "--tag", "smoke_test")


def test_checking_a_broken_project_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    # caplog would see nothing: Django configures logging again before the first request.
    with override_settings(**DEPLOYED["an exception"][0]):
        _issues()

    assert capsys.readouterr() == ("", "")
