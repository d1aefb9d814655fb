"""The answers of last resort, with DEBUG off."""

from http import HTTPStatus

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from petsage_project.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500"]


def _raises(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("secret")


def _denies(_request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("secret")


urlpatterns = [path("raises/", _raises), path("denies/", _denies)]

ERRORS = [
    ("/secret/", "localhost", HTTPStatus.NOT_FOUND, "Not found."),
    ("/raises/", "secret.example", HTTPStatus.BAD_REQUEST, "Bad request."),
    ("/denies/", "localhost", HTTPStatus.FORBIDDEN, "Permission denied."),
    ("/raises/", "localhost", HTTPStatus.INTERNAL_SERVER_ERROR, "Server error."),
]


@pytest.mark.parametrize(("target", "host", "status", "detail"), ERRORS)
@override_settings(ROOT_URLCONF=__name__)
def test_errors_are_json_for_whoever_does_not_prefer_a_page(
    target: str, host: str, status: HTTPStatus, detail: str
) -> None:
    client = Client(raise_request_exception=False)

    response = client.get(target, headers={"host": host, "accept": "text/plain"})

    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    assert response["Vary"] == "Accept"
    assert response.json() == {"detail": detail}


@pytest.mark.parametrize(("target", "host", "status", "_detail"), ERRORS)
@override_settings(ROOT_URLCONF=__name__)
def test_errors_are_a_page_for_browsers(
    target: str, host: str, status: HTTPStatus, _detail: str
) -> None:
    client = Client(raise_request_exception=False)

    response = client.get(target, headers={"host": host, "accept": "text/html"})

    page = response.text
    assert response.status_code == status
    assert response["Content-Type"].startswith("text/html")
    for word in ("secret", "Traceback", "Django", "petsage_project"):
        assert word not in page


def test_a_refused_host_is_logged_in_one_line_that_says_what_to_do(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/smoke-test/", headers={"host": "10.0.0.7"})

    [record] = [r for r in caplog.records if r.name == "django.security.DisallowedHost"]
    assert "You may need to add '10.0.0.7' to ALLOWED_HOSTS" in record.getMessage()
    assert record.exc_info is None
