"""Each check fails for its broken project, and its message contains the fix."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.cache import UpdateCacheMiddleware
from django.test import Client, override_settings
from django.urls import include, path
from rest_framework.authentication import BasicAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.throttling import AnonRateThrottle

from petsage_project.settings import MIDDLEWARE
from smoke_test.views import SmokeTestView

Settings = dict[str, Any]
GetResponse = Callable[[HttpRequest], HttpResponse]


def login_required(_get_response: GetResponse) -> GetResponse:
    return lambda _request: HttpResponseRedirect("/login/")


def answers_itself(_get_response: GetResponse) -> GetResponse:
    # As health-check middleware does: the answer is right even if the view is broken.
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


def caches_the_first_answer(get_response: GetResponse) -> GetResponse:
    cached: dict[str, HttpResponse] = {}

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path not in cached:
            cached[request.path] = get_response(request)
        return cached[request.path]

    return middleware


def raises(_get_response: GetResponse) -> GetResponse:
    def middleware(_request: HttpRequest) -> HttpResponse:
        raise RuntimeError("out of treats")

    return middleware


def refuses_to_load(_get_response: GetResponse) -> GetResponse:
    raise RuntimeError("out of\ntreats")


class CacheMiddleware(UpdateCacheMiddleware):
    """A project's own, under another name."""


class FriendlierView(SmokeTestView):
    pass


def another_view(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


class Urlconf:
    def __init__(self, *urlpatterns: Any) -> None:
        self.urlpatterns = urlpatterns
        self.handler500 = "petsage_project.errors.server_error"


OUR_ROUTE = path("smoke-test/", include("smoke_test.urls"))


def _outermost(name: str) -> Settings:
    """Put a middleware of this module right inside the one that adds our headers."""
    return {"MIDDLEWARE": [MIDDLEWARE[0], f"{__name__}.{name}", *MIDDLEWARE[1:]]}


def _innermost(dotted: str) -> Settings:
    return {"MIDDLEWARE": [*MIDDLEWARE, dotted]}


def _view(view: type[SmokeTestView] = SmokeTestView, **policy: Any) -> Settings:
    return {"ROOT_URLCONF": Urlconf(path("smoke-test/", view.as_view(**policy)))}


REDIRECT: Settings = {"SECURE_SSL_REDIRECT": True}
SITE_CACHE: Settings = {
    "MIDDLEWARE": [
        MIDDLEWARE[0],
        "django.middleware.cache.UpdateCacheMiddleware",
        *MIDDLEWARE[1:],
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
}

HEALTHY: dict[str, Settings] = {
    "this project": {},
    "a subclass of the view": _view(FriendlierView),
    "a redirect that trusts the header of a proxy": {
        **REDIRECT,
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_SCHEME", "https"),
    },
    "a redirect that exempts the smoke test": {
        **REDIRECT,
        "SECURE_REDIRECT_EXEMPT": ["^smoke-test/$"],
    },
    "a redirect without the middleware that redirects": {
        **REDIRECT,
        "MIDDLEWARE": [name for name in MIDDLEWARE if not name.endswith(".SecurityMiddleware")],
    },
    "any subdomain as host": {"ALLOWED_HOSTS": [".petsage.example"]},
    "an IPv6 address as host": {"ALLOWED_HOSTS": ["[::1]"]},
}

# Found by `check`, and not repeated by the requests of `check --deploy`.
BROKEN_STATICALLY: dict[str, tuple[Settings, list[str]]] = {
    "no route": (
        {"ROOT_URLCONF": Urlconf(path("smoketest/", SmokeTestView.as_view()))},
        ["smoke_test.E001"],
    ),
    "a pattern of another view that matches first": (
        {"ROOT_URLCONF": Urlconf(path("<slug:any>/", another_view), OUR_ROUTE)},
        ["smoke_test.E001"],
    ),
    "a redirect of plain http": (REDIRECT, ["smoke_test.E004"]),
    "the page as the first renderer": (
        _view(renderer_classes=(BrowsableAPIRenderer, JSONRenderer)),
        ["smoke_test.E005"],
    ),
    "no renderers": (_view(renderer_classes=()), ["smoke_test.E005", "smoke_test.E006"]),
    "no renderer of a page": (_view(renderer_classes=(JSONRenderer,)), ["smoke_test.E006"]),
    "authentication": (
        _view(authentication_classes=(BasicAuthentication,)),
        ["smoke_test.E007"],
    ),
    "permissions": (_view(permission_classes=(IsAuthenticated,)), ["smoke_test.E007"]),
    "throttling": (_view(throttle_classes=(AnonRateThrottle,)), ["smoke_test.E007"]),
    "a cache for the whole site": (SITE_CACHE, ["smoke_test.E008"]),
    "half of such a cache": (
        _innermost("django.middleware.cache.FetchFromCacheMiddleware"),
        ["smoke_test.E008"],
    ),
    "a subclass of such a cache": (
        _innermost(f"{__name__}.CacheMiddleware"),
        ["smoke_test.E008"],
    ),
}

# Found by `check --deploy` only.
BROKEN_IN_A_DEPLOYMENT: dict[str, tuple[Settings, list[str]]] = {
    "a login": (_outermost("login_required"), ["smoke_test.E002", "smoke_test.E006"]),
    "a cookie": (_outermost("sets_a_cookie"), ["smoke_test.E002"]),
    "another body": (_outermost("wraps_the_body"), ["smoke_test.E002"]),
    "an exception": (_outermost("raises"), ["smoke_test.E002", "smoke_test.E006"]),
    "a middleware that does not load": (
        _outermost("refuses_to_load"),
        ["smoke_test.E002", "smoke_test.E006"],
    ),
    "a middleware that does not exist": (
        _outermost("does_not_exist"),
        ["smoke_test.E002", "smoke_test.E006"],
    ),
    "no middleware for the headers": ({"MIDDLEWARE": MIDDLEWARE[1:]}, ["smoke_test.E002"]),
    "a middleware that answers itself": (
        _outermost("answers_itself"),
        ["smoke_test.E003", "smoke_test.E006"],
    ),
    "a middleware that caches": (
        _outermost("caches_the_first_answer"),
        ["smoke_test.E003", "smoke_test.E006"],
    ),
    "no templates": ({"TEMPLATES": []}, ["smoke_test.E006"]),
    "no hosts": ({"ALLOWED_HOSTS": []}, ["smoke_test.E009"]),
    "every host": ({"ALLOWED_HOSTS": ["*"]}, ["smoke_test.W001"]),
}

BROKEN = BROKEN_STATICALLY | BROKEN_IN_A_DEPLOYMENT


def _issues(*, deploy: bool = True) -> list[CheckMessage]:
    """Return what `check --tag smoke_test` finds, with or without --deploy."""
    return run_checks(tags=["smoke_test"], include_deployment_checks=deploy)


def _ids(*, deploy: bool) -> list[str]:
    return sorted({str(issue.id) for issue in _issues(deploy=deploy)})


def _requests() -> list[CheckMessage]:
    """Return what is wrong with the requests over http and https."""
    return [issue for issue in _issues() if str(issue.obj).endswith(("over http", "over https"))]


@pytest.mark.parametrize("project", HEALTHY)
def test_a_healthy_project_passes_every_check(project: str) -> None:
    with override_settings(**HEALTHY[project]):
        issues = _issues()

    assert issues == []


@pytest.mark.parametrize("project", BROKEN_STATICALLY)
def test_a_static_fault_is_found_without_deploy_and_reported_once_with_it(project: str) -> None:
    changed, expected = BROKEN_STATICALLY[project]

    with override_settings(**changed):
        without, with_deploy = _ids(deploy=False), _ids(deploy=True)

    assert without == expected
    assert with_deploy == expected


@pytest.mark.parametrize("project", BROKEN_IN_A_DEPLOYMENT)
def test_other_faults_are_found_only_with_deploy(project: str) -> None:
    changed, expected = BROKEN_IN_A_DEPLOYMENT[project]

    with override_settings(**changed):
        without, with_deploy = _ids(deploy=False), _ids(deploy=True)

    assert without == []
    assert with_deploy == expected


@pytest.mark.parametrize("project", BROKEN)
def test_every_message_has_a_hint_and_an_object(project: str) -> None:
    with override_settings(**BROKEN[project][0]):
        issues = _issues()

    assert all(issue.hint for issue in issues)
    assert all(issue.obj for issue in issues)


@pytest.mark.parametrize(
    ("middleware", "message"),
    [
        ("login_required", "://localhost/smoke-test/ -> /login/."),
        ("sets_a_cookie", "got a cookie 'sessionid'"),
        ("wraps_the_body", "the key 'status' is missing"),
        ("answers_itself", "run_smoke_test did not run"),
        ("caches_the_first_answer", "run_smoke_test did not run"),
    ],
)
def test_the_middleware_that_changes_the_response_is_named(middleware: str, message: str) -> None:
    with override_settings(**_outermost(middleware)):
        issues = _requests()

    assert [issue.obj for issue in issues] == [
        "GET /smoke-test/ over http",
        "GET /smoke-test/ over https",
    ]
    assert all(message in issue.msg for issue in issues)
    assert all(f"'{__name__}.{middleware}'" in str(issue.hint) for issue in issues)


def test_another_view_at_the_path_is_named() -> None:
    with override_settings(**BROKEN["a pattern of another view that matches first"][0]):
        [issue] = _issues()

    assert f"'{__name__}.another_view'" in issue.msg


def test_an_exception_is_named_with_its_line() -> None:
    with override_settings(**_outermost("raises")):
        issues = _requests()

    start = f"it raised RuntimeError: out of treats ({__file__}:"
    assert len(issues) == 2
    assert all(str(issue.hint).startswith(start) for issue in issues)


def test_a_missing_headers_middleware_is_named() -> None:
    with override_settings(MIDDLEWARE=MIDDLEWARE[1:]):
        issues = _requests()

    assert len(issues) == 2
    assert all("X-PetSage-Nonce" in issue.msg for issue in issues)
    assert all("AnswerHeadersMiddleware" in str(issue.hint) for issue in issues)


def test_a_cache_for_the_whole_site_does_not_cache_the_smoke_test(client: Client) -> None:
    nonces = ["0" * 32, "1" * 32]

    with override_settings(**SITE_CACHE):
        responses = [client.get("/smoke-test/", headers={"x-petsage-nonce": n}) for n in nonces]

    assert [response["X-PetSage-Nonce"] for response in responses] == nonces


def test_the_check_command_runs_our_checks_by_tag() -> None:
    with override_settings(**REDIRECT), pytest.raises(SystemCheckError):
        call_command("check", "--tag", "smoke_test")


def test_checking_a_broken_project_writes_no_log(capsys: pytest.CaptureFixture[str]) -> None:
    # caplog would see nothing: Django configures logging again before the first request.
    with override_settings(**_outermost("raises")):
        _issues()

    assert capsys.readouterr() == ("", "")
