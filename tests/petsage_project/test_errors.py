"""The answers of last resort, with DEBUG off."""

import re
from http import HTTPStatus

import pytest
from django.conf import settings
from django.test import Client, override_settings

from tests.conftest import ROOT

ERRORS = [
    ("/secret/", "localhost", HTTPStatus.NOT_FOUND, "Not found."),
    ("/raises/", "secret.example", HTTPStatus.BAD_REQUEST, "Bad request."),
    ("/denies/", "localhost", HTTPStatus.FORBIDDEN, "Permission denied."),
    ("/raises/", "localhost", HTTPStatus.INTERNAL_SERVER_ERROR, "Server error."),
]


@pytest.mark.parametrize(("target", "host", "status", "detail"), ERRORS)
@override_settings(ROOT_URLCONF="tests.settings.urls_breakable")
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
@override_settings(ROOT_URLCONF="tests.settings.urls_breakable")
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


def test_the_page_of_a_broken_project_wants_nothing_of_it() -> None:
    page = (ROOT / "petsage_project/templates/500.html").read_text()

    # No tags: what they need may be what is broken. So the address of static files is written out.
    assert "{%" not in page
    assert "{{" not in page
    assert f'href="{settings.STATIC_URL}petsage/petsage.css"' in page


@pytest.mark.parametrize("status", [502, 503, 504])
def test_the_pages_of_the_proxy_are_that_page_but_for_their_words(status: int) -> None:
    page = (ROOT / f"deploy/pages/{status}.html").read_text()
    ours = (ROOT / "petsage_project/templates/500.html").read_text()

    def frame(text: str) -> list[str]:
        return re.findall(r"<[^>]+>", text)

    assert f"<title>{status} - PetSage</title>" in page
    assert frame(page) == frame(ours)
