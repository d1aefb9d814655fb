"""The error responses, with DEBUG off."""

import re
from http import HTTPStatus

import pytest
from django.template.loader import render_to_string
from django.test import Client, override_settings

ERRORS = [
    ("/secret/", "localhost", HTTPStatus.NOT_FOUND, "Not found."),
    ("/raises/", "secret.example", HTTPStatus.BAD_REQUEST, "Bad request."),
    ("/denies/", "localhost", HTTPStatus.FORBIDDEN, "Permission denied."),
    ("/raises/", "localhost", HTTPStatus.INTERNAL_SERVER_ERROR, "Server error."),
]


@pytest.mark.parametrize(("target", "host", "status", "detail"), ERRORS)
@override_settings(ROOT_URLCONF="tests.settings.urls_breakable")
def test_errors_are_json_by_default(
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


def test_a_refused_host_is_logged_in_one_line_with_the_fix(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/smoke-test/", headers={"host": "10.0.0.7"})

    [record] = [r for r in caplog.records if r.name == "django.security.DisallowedHost"]
    assert "You may need to add '10.0.0.7' to ALLOWED_HOSTS" in record.getMessage()
    assert record.exc_info is None


@override_settings(
    STATIC_URL="/elsewhere/", STORAGES={}, ROOT_URLCONF="tests.settings.urls_breakable"
)
def test_the_500_page_needs_no_setting() -> None:
    client = Client(raise_request_exception=False)

    response = client.get("/raises/", headers={"accept": "text/html"})

    assert "<title>500 - PetSage</title>" in response.text
    assert 'href="/static/petsage/petsage.css"' in response.text


@pytest.mark.parametrize("status", [502, 503, 504])
def test_nginxs_pages_have_the_markup_of_the_500_page(status: int) -> None:
    page, ours = (
        render_to_string("petsage/failure.html", {"status": each}) for each in (status, 500)
    )

    def frame(text: str) -> list[str]:
        return re.findall(r"<[^>]+>", text)

    assert f"<title>{status} - PetSage</title>" in page
    assert frame(page) == frame(ours)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_nginxs_pages_fit_in_a_quoted_configuration_value(status: int) -> None:
    page = render_to_string("petsage/failure.html", {"status": status})

    assert not set("'\\$") & set(page)
    # The longest parameter that nginx accepts.
    assert len(page.encode()) < 4096
