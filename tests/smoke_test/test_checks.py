"""Each check fails when its wiring is broken, and says how to fix it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.cache import UpdateCacheMiddleware
from django.test import override_settings
from django.urls import include, path
from pytest_django import Settings
from rest_framework.authentication import BasicAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.throttling import AnonRateThrottle

from smoke_test.views import SmokeTestView

GetResponse = Callable[[HttpRequest], HttpResponse]


def login_required(_get_response: GetResponse) -> GetResponse:
    return lambda _request: HttpResponseRedirect("/login/")


def short_circuit(_get_response: GetResponse) -> GetResponse:
    # As health-check middleware does: the answer is right, whether the view is alive or not.
    body = {"status": "ok", "details": "PetSage smoke test feature is operational."}
    return lambda _request: JsonResponse(body, json_dumps_params={"separators": (",", ":")})


def sets_a_cookie(get_response: GetResponse) -> GetResponse:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.set_cookie("sessionid", "1")
        return response

    return middleware


def wraps_the_body(get_response: GetResponse) -> GetResponse:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.content = b'{"data":' + response.content + b"}"
        return response

    return middleware


def keeps_the_first_answer(get_response: GetResponse) -> GetResponse:
    kept: dict[str, HttpResponse] = {}

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path not in kept:
            kept[request.path] = get_response(request)
        return kept[request.path]

    return middleware


def raises(_get_response: GetResponse) -> GetResponse:
    def middleware(_request: HttpRequest) -> HttpResponse:
        raise RuntimeError("out of treats")

    return middleware


def refuses_to_load(_get_response: GetResponse) -> GetResponse:
    raise RuntimeError("out of\ntreats")


class CacheMiddleware(UpdateCacheMiddleware):
    """A project's own, by another name."""


def another_view(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


class _Urlconf:
    def __init__(self, *urlpatterns: Any) -> None:
        self.urlpatterns = urlpatterns
        self.handler500 = "petsage_project.errors.server_error"


def _issues(*, deploy: bool = True) -> list[CheckMessage]:
    """Return what `check --tag smoke_test` finds, with or without --deploy."""
    return run_checks(tags=["smoke_test"], include_deployment_checks=deploy)


def _ids(*, deploy: bool = True) -> list[str | None]:
    return sorted({issue.id for issue in _issues(deploy=deploy)}, key=str)


def _outermost(name: str, settings: Settings) -> str:
    """Put a middleware of this module inside the one that adds our headers; return its path."""
    dotted = f"{__name__}.{name}"
    settings.MIDDLEWARE = [settings.MIDDLEWARE[0], dotted, *settings.MIDDLEWARE[1:]]
    return dotted


@pytest.fixture(autouse=True)
def _every_issue_helps() -> Iterator[None]:
    yield
    for issue in _issues():
        assert issue.hint
        assert issue.obj


def test_this_project_passes_every_check() -> None:
    assert _issues() == []


def test_a_missing_route_is_an_error(settings: Settings) -> None:
    settings.ROOT_URLCONF = _Urlconf(path("smoketest/", include("smoke_test.urls")))

    assert _ids() == ["smoke_test.E001"]


def test_a_route_to_another_view_is_an_error(settings: Settings) -> None:
    settings.ROOT_URLCONF = _Urlconf(
        path("<slug:any>/", another_view), path("smoke-test/", include("smoke_test.urls"))
    )

    [issue] = _issues()

    assert issue.id == "smoke_test.E001"
    assert f"{__name__}.another_view" in issue.msg


@pytest.mark.parametrize(
    ("middleware", "found"),
    [
        ("login_required", "://localhost/smoke-test/ -> /login/."),
        ("sets_a_cookie", "got a cookie 'sessionid'"),
        ("wraps_the_body", "the key 'status' is missing"),
    ],
)
def test_a_middleware_that_changes_the_response_is_named(
    settings: Settings, middleware: str, found: str
) -> None:
    dotted = _outermost(middleware, settings)

    issues = [issue for issue in _issues() if issue.id == "smoke_test.E002"]

    assert [issue.obj for issue in issues] == [
        "GET /smoke-test/ over http",
        "GET /smoke-test/ over https",
    ]
    for issue in issues:
        assert found in issue.msg
        assert dotted in str(issue.hint)


def test_an_exception_is_named_with_its_line(settings: Settings) -> None:
    _outermost("raises", settings)

    issue = next(issue for issue in _issues() if issue.id == "smoke_test.E002")

    assert str(issue.hint).startswith(f"it raised RuntimeError: out of treats ({__file__}:")


@pytest.mark.parametrize("middleware", ["refuses_to_load", "is_missing"])
def test_a_middleware_that_does_not_load_is_an_error_without_a_traceback(
    settings: Settings, middleware: str
) -> None:
    _outermost(middleware, settings)

    assert "smoke_test.E002" in _ids()


def test_a_middleware_that_answers_instead_of_the_view_is_named(settings: Settings) -> None:
    dotted = _outermost("short_circuit", settings)

    issues = [issue for issue in _issues() if issue.id == "smoke_test.E003"]

    assert len(issues) == 2
    assert all(dotted in str(issue.hint) for issue in issues)


def test_a_middleware_that_caches_the_response_is_named(settings: Settings) -> None:
    dotted = _outermost("keeps_the_first_answer", settings)

    issues = [issue for issue in _issues() if issue.id == "smoke_test.E003"]

    assert len(issues) == 2
    assert all(dotted in str(issue.hint) for issue in issues)


def test_a_missing_headers_middleware_is_named(settings: Settings) -> None:
    settings.MIDDLEWARE = settings.MIDDLEWARE[1:]

    issue = next(issue for issue in _issues() if issue.id == "smoke_test.E002")

    assert "X-PetSage-Nonce" in issue.msg
    assert "AnswerHeadersMiddleware" in str(issue.hint)


def test_a_redirect_of_plain_http_is_an_error(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert _ids(deploy=False) == ["smoke_test.E004"]
    assert _ids() == ["smoke_test.E004"]


@pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_PROTO", "HTTP_X_SCHEME"])
def test_a_redirect_that_trusts_the_header_of_a_proxy_is_allowed(
    settings: Settings, header: str
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = (header, "https")

    assert _ids() == []


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"renderer_classes": (BrowsableAPIRenderer, JSONRenderer)}, "smoke_test.E005"),
        ({"renderer_classes": ()}, "smoke_test.E005"),
        ({"renderer_classes": (JSONRenderer,)}, "smoke_test.E006"),
        ({"authentication_classes": (BasicAuthentication,)}, "smoke_test.E007"),
        ({"permission_classes": (IsAuthenticated,)}, "smoke_test.E007"),
        ({"throttle_classes": (AnonRateThrottle,)}, "smoke_test.E007"),
    ],
)
def test_a_view_that_could_refuse_a_health_checker_is_an_error(
    settings: Settings, policy: dict[str, Any], expected: str
) -> None:
    view = SmokeTestView.as_view(**policy)
    settings.ROOT_URLCONF = _Urlconf(path("smoke-test/", view))

    assert expected in _ids()


def test_a_subclass_of_the_view_is_allowed(settings: Settings) -> None:
    class FriendlierView(SmokeTestView):
        pass

    settings.ROOT_URLCONF = _Urlconf(path("smoke-test/", FriendlierView.as_view()))

    assert _ids() == []


def test_a_page_that_cannot_be_rendered_is_an_error(settings: Settings) -> None:
    settings.TEMPLATES = []

    [issue] = _issues()

    assert issue.id == "smoke_test.E006"
    assert "TemplateDoesNotExist" in str(issue.hint)


@pytest.mark.parametrize(
    "dotted",
    [
        "django.middleware.cache.FetchFromCacheMiddleware",
        "django.middleware.cache.UpdateCacheMiddleware",
        f"{__name__}.CacheMiddleware",
    ],
)
def test_a_cache_middleware_is_an_error(settings: Settings, dotted: str) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, dotted]

    [issue] = _issues()

    assert issue.id == "smoke_test.E008"
    assert dotted in issue.msg


def test_a_cache_middleware_does_not_cache_the_smoke_test(settings: Settings) -> None:
    settings.MIDDLEWARE = [
        settings.MIDDLEWARE[0],
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE[1:],
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]

    # Not E003: the view itself says no-store.
    assert _ids() == ["smoke_test.E008"]


def test_empty_allowed_hosts_is_an_error_in_a_deployment(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = []

    assert _ids() == ["smoke_test.E009"]
    assert _ids(deploy=False) == []


def test_a_wildcard_in_allowed_hosts_is_a_warning_in_a_deployment(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]

    assert _ids() == ["smoke_test.W001"]
    assert _ids(deploy=False) == []


@pytest.mark.parametrize("host", [".petsage.example", "api.petsage.example", "[::1]"])
def test_every_kind_of_allowed_host_passes(settings: Settings, host: str) -> None:
    settings.ALLOWED_HOSTS = [host]

    assert _ids() == []


def test_the_check_command_runs_our_checks_by_tag() -> None:
    with override_settings(SECURE_SSL_REDIRECT=True), pytest.raises(SystemCheckError):
        call_command("check", "--tag", "smoke_test")


def test_checking_a_broken_project_writes_no_log(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    _outermost("raises", settings)

    _issues()

    assert caplog.records == []
